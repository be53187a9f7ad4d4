"""CTC against all alignments and PyTorch's own, sample by sample; what cannot be read."""

from __future__ import annotations

import math
from itertools import groupby, pairwise, product
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from slp_core.batch import Batch, Tokens
from slp_core.context import Context
from slp_core.ctc import Transcriber, Units
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.sequence import Sequence, lengths_to_mask
from slp_fusion import CTC, CTCConfig

EXPERT = "streams.signing.mapper"
UNITS = Units("char", ("A", "B"))
CLASSES = len(UNITS)


class Reader(Transcriber):
    """Reads by a linear layer, as experts do."""

    column, units = "letters", UNITS

    def __init__(self) -> None:
        super().__init__(None)
        torch.manual_seed(0)
        self.head = nn.Linear(3, CLASSES).double()

    def logits(self, steps: Sequence) -> Tensor:
        return steps.with_steps(self.head(steps.steps)).values

    def log_probs(self, steps: Sequence) -> Tensor:  # in double, for the tests' sake
        return self.logits(steps).log_softmax(-1)


def pipeline(path: str = EXPERT) -> Any:
    """Modules on the way to a reader at ``path``."""
    root = module = nn.Module()
    *words, last = path.split(".")
    for word in words:
        module.add_module(word, nn.Module())
        module = module.get_submodule(word)
    module.add_module(last, Reader())
    return root


def clips(*lengths: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(sum(lengths))
    return [3 * torch.randn(length, 3, generator=rng).double() for length in lengths]


def padded(samples: list[Tensor], extra: int = 0, padding: float = math.nan) -> Sequence:
    lengths = torch.tensor([len(sample) for sample in samples])
    longest = int(lengths.max()) + extra
    values = [F.pad(s, (0, 0, 0, longest - len(s)), value=padding) for s in samples]
    return Sequence(
        torch.stack(values), lengths_to_mask(lengths, longest), torch.full((len(samples),), 25.0)
    )


def objective(on: str = EXPERT) -> CTC:
    made = CTC(CTCConfig(), Context(path=f"ctc@{on}"))
    made.on = on
    return made.train()


def batch_of(labels: list[list[int]], extra: int = 0, on: str = EXPERT) -> Batch:
    lengths = torch.tensor([len(one) for one in labels])
    longest = int(lengths.max()) + extra
    ids = torch.zeros(len(labels), longest, dtype=torch.long)
    for row, one in zip(ids, labels, strict=True):
        row[: len(one)] = torch.tensor(one)
        row[len(one) :] = 3  # nobody is to look at it
    rows = tuple(Row({}, Path("rows.tsv"), 2 + number) for number in range(len(labels)))
    return Batch(rows, {}, {f"ctc@{on}.labels": Tokens(ids, lengths_to_mask(lengths, longest))})


def measured(
    samples: list[Tensor], labels: list[list[int]], extra: int = 0, made: CTC | None = None
) -> tuple[Tensor, int, Tensor]:
    """The loss, the items it is divided by, and the gradient of the reader's weights."""
    made, whole, steps = made or objective(), pipeline(), padded(samples, extra)
    batch = batch_of(labels, extra)
    loss = made(whole, Trace({EXPERT: steps}, steps), batch)
    loss.backward()
    reader = whole.get_submodule(EXPERT)
    return loss.detach(), made.count(batch), reader.head.weight.grad


def log_probs(sample: Tensor) -> Tensor:
    with torch.no_grad():
        return Reader().head(sample).log_softmax(-1)  # (t, u)


def by_hand(sample: Tensor, labels: list[int]) -> float:
    """-log of the sum over all alignments that say the labels."""
    steps = log_probs(sample).exp().tolist()
    total = 0.0
    for path in product(range(CLASSES), repeat=len(steps)):
        if [one for one, _ in groupby(path) if one] == labels:
            total += math.prod(step[one] for step, one in zip(steps, path, strict=True))
    return -math.log(total) if total else math.inf


def needed(labels: list[int]) -> int:
    return len(labels) + sum(a == b for a, b in pairwise(labels))


LABELS = st.lists(st.integers(1, CLASSES - 1), max_size=4)
SAMPLES = st.lists(st.tuples(st.integers(1, 6), LABELS), min_size=1, max_size=4)


@settings(max_examples=25)
@given(labels=LABELS, steps=st.integers(1, 5))
def test_it_is_the_sum_over_all_alignments(labels: list[int], steps: int) -> None:
    (sample,), expected = clips(steps), by_hand(clips(steps)[0], labels)
    assert math.isfinite(expected) == (needed(labels) <= steps)
    loss, count, gradient = measured([sample], [labels])
    assert count == len(labels) + 1
    if math.isfinite(expected):
        assert loss.item() == pytest.approx(expected)
    else:
        assert loss.item() == 0 and not gradient.any()


@settings(max_examples=40)
@given(samples=SAMPLES)
def test_it_is_the_sum_of_each_sample_of_pytorch(samples: list[tuple[int, list[int]]]) -> None:
    assume(all(needed(labels) <= steps for steps, labels in samples))
    inputs, labels = clips(*(steps for steps, _ in samples)), [one for _, one in samples]
    expected = sum(
        F.ctc_loss(
            log_probs(sample), torch.tensor(one, dtype=torch.long), [len(sample)], [len(one)],
            reduction="sum",
        ).item()
        for sample, one in zip(inputs, labels, strict=True)
    )  # fmt: skip
    loss, count, _ = measured(inputs, labels)
    assert loss.item() == pytest.approx(expected)
    assert count == sum(len(one) + 1 for one in labels)


@settings(max_examples=40)
@given(samples=SAMPLES, extra=st.integers(0, 5))
def test_padding_changes_nothing(samples: list[tuple[int, list[int]]], extra: int) -> None:
    """NaN behind the steps, another class behind the labels."""
    inputs, labels = clips(*(steps for steps, _ in samples)), [one for _, one in samples]
    loss, count, gradient = measured(inputs, labels)
    again, same, other = measured(inputs, labels, extra)
    assert gradient.isfinite().all() and torch.allclose(gradient, other)
    assert (loss.item(), count) == (pytest.approx(again.item()), same)


@settings(max_examples=40)
@given(samples=SAMPLES)
def test_what_cannot_be_read_is_as_if_it_were_not_there(
    samples: list[tuple[int, list[int]]],
) -> None:
    inputs, labels = clips(*(steps for steps, _ in samples)), [one for _, one in samples]
    kept = [n for n, (steps, one) in enumerate(samples) if needed(one) <= steps]
    assume(0 < len(kept) < len(samples))
    loss, count, gradient = measured(inputs, labels)
    alone, fewer, other = measured([inputs[n] for n in kept], [labels[n] for n in kept])
    assert count > fewer
    assert loss.item() / count == pytest.approx(alone.item() / fewer)
    assert torch.allclose(gradient / count, other / fewer)


def test_gradients_are_those_of_finite_differences() -> None:
    (sample,), labels = clips(4), [[2, 2]]

    def loss(values: Tensor) -> Tensor:
        steps = Sequence(values[None], torch.ones(1, 4, dtype=torch.bool), torch.ones(1))
        return objective()(pipeline(), Trace({EXPERT: steps}, steps), batch_of(labels))

    assert torch.autograd.gradcheck(loss, sample.requires_grad_())


def test_how_many_cannot_be_read_is_told_once() -> None:
    made = objective()
    assert made.gauges() == {}
    measured(clips(1, 5, 4, 6), [[2, 3], [2], [], [3, 3]], made=made)
    assert made.gauges()["infeasible"] == 0.25
    assert "infeasible" not in made.gauges()
    measured(clips(1, 2, 3), [[2, 3], [2, 2], [2]], made=made)
    with pytest.warns(UserWarning, match="67% of the samples have fewer steps .* smaller stride"):
        assert made.gauges()["infeasible"] == pytest.approx(2 / 3)
    measured(clips(1), [[2, 3]], made=made.eval())  # validation is not counted
    assert "infeasible" not in made.gauges()


def test_the_error_rate_is_of_what_is_read_greedily() -> None:
    """Reads "A" of "AB" and "BA" of "B": an edit each, over three letters."""
    made, whole = objective(), pipeline()
    head = whole.get_submodule(EXPERT).head
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[9, 0, 0], [0, 0, 0], [0, 9, 0], [0, 0, 9]]))
        head.bias.copy_(torch.tensor([0, -99, 0, 0]))
    blank, a, b = torch.eye(3).double()
    steps = padded([torch.stack([blank, a, a, blank]), torch.stack([b, a, blank])])
    made(whole, Trace({EXPERT: steps}, steps), batch_of([[2, 3], [3]]))
    assert made.gauges()["error rate"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("path", "last"), [("decoder", True), ("decoder.first", True), ("mapper", False)]
)
def test_where_the_steps_come_from(path: str, last: bool) -> None:
    (given, other) = (padded([one]) for one in (clips(5)[0], -clips(5)[0]))
    trace = Trace({} if last else {path: given}, given if last else other)
    loss = objective(path)(pipeline(path), trace, batch_of([[2, 3]], on=path))
    assert loss.item() == pytest.approx(by_hand(clips(5)[0], [2, 3]))


def test_labels_are_what_the_part_reads() -> None:
    made, whole = objective(), pipeline()
    row = Row({"text": "so", "letters": "BAC"}, Path("rows.tsv"), 7)
    assert made.encode(row, whole) == {f"ctc@{EXPERT}.labels": [3, 2, 1]}
    assert made.encode(Row({"letters": ""}, Path("rows.tsv"), 8), whole) == {
        f"ctc@{EXPERT}.labels": []
    }
    with pytest.raises(UserError, match="rows.tsv:9: ctc: no column `letters`"):
        made.encode(Row({"text": "so"}, Path("rows.tsv"), 9), whole)


@pytest.mark.parametrize("on", ["streams.signing", "decoder.second", "streams.signing.mapper.head"])
def test_a_part_that_reads_nothing_is_told(on: str) -> None:
    row = Row({"letters": "A"}, Path("rows.tsv"), 2)
    with pytest.raises(UserError, match=f'on = "{on}" reads no column by CTC'):
        objective(on).encode(row, pipeline())


def test_a_reader_that_gives_no_steps_is_told() -> None:
    on, steps = f"{EXPERT}.inner", padded(clips(3))
    with pytest.raises(UserError, match="gives no steps"):
        objective(on)(pipeline(on), Trace({EXPERT: steps}, steps), batch_of([[2]], on=on))
