"""What a column is written in; CTC's probabilities and readings against all alignments."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.context import Context
from slp_core.ctc import (
    Transcriber,
    Transcript,
    Units,
    beam_search,
    collapse,
    greedy,
    least_steps,
    log_likelihood,
    unit_probabilities,
)
from slp_core.errors import UserError
from slp_core.manifest import read_manifest, write_manifest
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.units import UnitsConfig


def test_the_most_frequent_units_are_known():
    units = Units.learn(["b a b", "c b a", "d"], size=3)
    assert units.known == ("b", "a", "c")
    assert len(units) == 5
    assert units.encode("a d b") == [3, 1, 2]
    assert units.decode([3, 0, 1, 2]) == "a b"
    assert Units.learn(["b a b", "c b a"], min_count=2).known == ("b", "a")


def test_characters_hold_blanks():
    units = Units.learn(["ANNA ZOE "], "char")
    assert units.decode(units.encode("ZOE ANNA")) == "ZOE ANNA"
    assert units.words == ("ANNA", "ZOE")
    assert Units.learn(["ANNA ZOE"]).words == ()
    assert units.encode("") == []


@pytest.mark.parametrize("kind", ["word", "char"])
def test_they_are_found_again(kind, tmp_path):
    units = Units.learn(["grün ist  es", "über"], kind)
    units.save(tmp_path)
    assert Units.load(tmp_path) == units


def test_a_part_learns_units_once(tmp_path):
    write_manifest(tmp_path / "train.tsv", ["letters"], [["BA"], [""], ["ABBA"]])
    context = Context(path="expert", train=read_manifest(tmp_path / "train.tsv"))
    units = Units.of(UnitsConfig("char"), "letters", context)
    assert units.known == ("A", "B")
    units.save(tmp_path)
    assert Units.of(UnitsConfig("word"), "letters", Context(assets=tmp_path)) == units
    for config, column, train, said in [
        (UnitsConfig(), "letters", None, "expert: .* there are none yet; .data. train"),
        (UnitsConfig(min_count=9), "letters", context.train, "holds no word 9 times"),
        (UnitsConfig(), "leters", context.train, 'did you mean "letters"'),
    ]:
        with pytest.raises(UserError, match=said):
            Units.of(config, column, Context(path="expert", train=train))


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_path_says_its_runs_but_the_blank_ones(path):
    said = [one for place, one in enumerate(path) if place == 0 or path[place - 1] != one]
    assert collapse(path) == [one for one in said if one != 0]


# -- probabilities and readings ------------------------------------------------------------------


def random_steps(steps: int, classes: int, seed: int) -> Tensor:
    """``1 t u`` log-probabilities, far from uniform."""
    rng = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(1, steps, classes, generator=rng).double()).log_softmax(-1)


def all_texts(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """P(text) of every text, over all ``u ** t`` alignments of ``t u``."""
    steps, classes = log_probs.shape
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(classes), repeat=steps):
        found[tuple(collapse(path))] += math.prod(
            math.exp(log_probs[place, one]) for place, one in enumerate(path)
        )
    return found


def everything(log_probs: Tensor) -> Tensor:
    return torch.ones(log_probs.shape[:2], dtype=torch.bool)


STEPS = {"steps": st.integers(1, 5), "classes": st.integers(2, 4), "seed": st.integers(0, 999)}


@settings(max_examples=30)
@given(**STEPS)
def test_likelihood_is_the_sum_over_all_alignments(steps, classes, seed):
    log_probs = random_steps(steps, classes, seed)
    texts = all_texts(log_probs[0])
    said = torch.zeros(len(texts), steps, dtype=torch.long)
    for row, text in zip(said, texts, strict=True):
        row[: len(text)] = torch.tensor(text)
    lengths = torch.tensor([len(text) for text in texts])
    every = log_probs.expand(len(texts), -1, -1)
    found = log_likelihood(every, torch.full_like(lengths, steps), said, lengths).exp()
    assert found.tolist() == pytest.approx([*texts.values()])
    assert found.sum().item() == pytest.approx(1)  # no text is missing


@given(st.lists(st.integers(1, 3), max_size=5), st.integers(0, 3))
def test_least_steps_are_those_of_the_shortest_alignment(text, padding):
    least = next(
        steps
        for steps in range(2 * len(text) + 1)
        if any(collapse(path) == text for path in _alignments(text, steps))
    )
    said = torch.tensor([text + [1] * padding], dtype=torch.long)
    assert least_steps(said, torch.tensor([len(text)])).tolist() == [least]
    if text and least > 1:
        probs = random_steps(least, 4, 0)
        worth = [
            log_likelihood(probs[:, :n], torch.tensor([n]), said, torch.tensor([len(text)])).item()
            for n in (least - 1, least)
        ]
        assert worth[0] == -math.inf < worth[1]


def _alignments(text, steps):
    """The text with blanks put between and repeats: enough to find a shortest one."""
    places = product([0, 1], repeat=len(text))
    for blanks in places:
        path = [
            one for unit, blank in zip(text, blanks, strict=True) for one in [0] * blank + [unit]
        ]
        if len(path) == steps:
            yield path


@settings(max_examples=50)
@given(**STEPS)
def test_greedy_reads_the_likeliest_alignment(steps, classes, seed):
    log_probs = random_steps(steps, classes, seed)
    worth = {
        path: sum(float(log_probs[0, place, one]) for place, one in enumerate(path))
        for path in product(range(classes), repeat=steps)
    }
    best = max(worth, key=worth.__getitem__)
    ((said, total),) = greedy(log_probs, everything(log_probs))
    assert said == collapse(best)
    assert total == pytest.approx(worth[best])


@settings(max_examples=50)
@given(**STEPS)
def test_enough_beams_find_the_likeliest_text(steps, classes, seed):
    log_probs = random_steps(steps, classes, seed)
    texts = all_texts(log_probs[0])
    ((said, total),) = beam_search(log_probs, everything(log_probs), beams=len(texts))
    assert tuple(said) == max(texts, key=texts.__getitem__)
    assert math.exp(total) == pytest.approx(texts[tuple(said)])


def test_greedy_can_miss_the_likeliest_text():
    """The example of every introduction: blank is likeliest twice, "a" in sum."""
    log_probs = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    ((said, total),) = greedy(log_probs, everything(log_probs))
    assert said == [] and math.exp(total) == pytest.approx(0.36)
    ((said, total),) = beam_search(log_probs, everything(log_probs), beams=2)
    assert said == [1] and math.exp(total) == pytest.approx(0.64)


def plain_beam_search(log_probs: Tensor, beams: int) -> tuple[tuple[int, ...], float]:
    """Every kept text continued by every class, as it is written in papers."""
    kept = {(): (1.0, 0.0)}
    for step in log_probs.exp().tolist():
        after: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for text, (blank, unit) in kept.items():
            after[text][0] += (blank + unit) * step[0]
            for one in range(1, len(step)):
                if text[-1:] == (one,):
                    after[text][1] += unit * step[one]
                    after[*text, one][1] += blank * step[one]
                else:
                    after[*text, one][1] += (blank + unit) * step[one]
        best = sorted(after.items(), key=lambda item: -sum(item[1]))[:beams]
        kept = {text: (blank, unit) for text, (blank, unit) in best}
    text, ends = max(kept.items(), key=lambda item: sum(item[1]))
    return text, math.log(sum(ends))


@settings(max_examples=60)
@given(
    steps=st.integers(1, 30),
    classes=st.integers(2, 40),
    beams=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_classes_that_are_not_tried_would_not_be_kept(steps, classes, beams, seed):
    log_probs = random_steps(steps, classes, seed)
    ((said, total),) = beam_search(log_probs, everything(log_probs), beams)
    text, worth = plain_beam_search(log_probs[0], beams)
    assert tuple(said) == text and total == pytest.approx(worth)


@settings(max_examples=30)
@given(**STEPS)
def test_unit_probabilities_are_those_of_texts_that_begin_so(steps, classes, seed):
    log_probs = random_steps(steps, classes, seed)
    texts = all_texts(log_probs[0])
    for text in texts:
        begin = [
            sum(p for other, p in texts.items() if other[:length] == text[:length])
            for length in range(len(text) + 1)
        ]
        expected = [after / before for before, after in pairwise(begin)]
        expected.append(texts[text] / begin[-1])
        assert unit_probabilities(log_probs[0], [*text]) == pytest.approx(expected)


# -- a part that reads ---------------------------------------------------------------------------


class Reader(Transcriber):
    """Steps are the logits."""

    column, units = "letters", Units("char", ("A", "B"))

    def logits(self, steps: Sequence) -> Tensor:
        return steps.values


def clips(*lengths: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(sum(lengths))
    return [2 * torch.randn(length, 4, generator=rng) for length in lengths]


@pytest.mark.parametrize("beams", [1, 9])
def test_a_transcript_has_the_probability_of_what_was_said(beams):
    reader = Reader(None)
    reader.beams = beams
    (clip,) = clips(4)
    log_probs = clip.double().log_softmax(-1)[None]
    ((said, _),) = (
        beam_search(log_probs, everything(log_probs), 99)
        if beams > 1
        else greedy(log_probs, everything(log_probs))
    )
    (found,) = reader.transcribe(Sequence.pad([clip], [25.0]))
    assert found.text == reader.units.decode(said)
    assert found.probability == pytest.approx(all_texts(log_probs[0])[tuple(said)], rel=1e-5)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
    extra=st.integers(0, 4),
    beams=st.integers(1, 4),
)
def test_padding_is_not_read(lengths, extra, beams):
    reader, samples = Reader(None), clips(*lengths)
    reader.beams = beams
    longest = max(lengths) + extra
    values = torch.stack(
        [torch.nn.functional.pad(s, (0, 0, 0, longest - len(s)), value=math.nan) for s in samples]
    )
    mask = lengths_to_mask(torch.tensor(lengths), longest)
    together = reader.transcribe(Sequence(values, mask, torch.full((len(lengths),), 25.0)))
    for clip, found in zip(samples, together, strict=True):
        if len(clip):
            (alone,) = reader.transcribe(Sequence.pad([clip], [25.0]))
            assert found.text == alone.text
            assert found.probability == pytest.approx(alone.probability)
        else:
            assert found == Transcript("", 1.0)


@pytest.mark.parametrize("reading", [greedy, beam_search])
def test_neither_reading_is_worth_less_for_padding(reading):
    log_probs = random_steps(5, 3, 0)
    padded = torch.nn.functional.pad(log_probs, (0, 0, 0, 2), value=math.nan)
    ((said, worth),) = reading(log_probs, everything(log_probs))
    ((same, again),) = reading(padded, lengths_to_mask(torch.tensor([5]), 7))
    assert same == said and again == pytest.approx(worth)


def test_what_training_never_saw_and_blanks_write_nothing():
    steps = torch.full((1, 4, 4), -20.0)
    for place, one in enumerate([0, 1, 1, 0]):
        steps[0, place, one] = 20.0
    (found,) = Reader(None).transcribe(Sequence.pad([*steps], [25.0]))
    assert found == Transcript("", pytest.approx(1))


def test_reading_leaves_no_gradient():
    steps = clips(5)[0][None].requires_grad_()
    reader = Reader(None)
    reader.transcribe(Sequence(steps, torch.ones(1, 5, dtype=torch.bool), torch.ones(1)))
    assert steps.grad is None
