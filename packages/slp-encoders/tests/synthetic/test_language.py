"""The language: its lexicon, its minimal pairs, its grammar, and who signs what."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from slp_encoders.synthetic import motion
from slp_encoders.synthetic.grammar import Name, Sentence, draw, split_sentences
from slp_encoders.synthetic.lexicon import (
    FEW_NAMES,
    LEXICON,
    MINIMAL_PAIRS,
    MOST_NAMES,
    NAMES,
    PARAMETERS,
    UNSEEN_NAMES,
    differences,
)
from slp_encoders.synthetic.motion import FPS, Motion, perform
from slp_encoders.synthetic.phonology import (
    HANDSHAPES,
    LETTER_MOUTHINGS,
    LOCATIONS,
    MOUTHINGS,
    MOVEMENTS,
)
from slp_encoders.synthetic.pose_file import Tracked, track
from slp_encoders.synthetic.signer import Signer, signers
from slp_encoders.synthetic.skeleton import place

FACE, HANDS = slice(8, 136), slice(136, 178)
PAIRS = [(parameter, *pair) for parameter in PARAMETERS for pair in MINIMAL_PAIRS[parameter]]


def test_sixty_signs_are_written_in_the_phonology() -> None:
    assert len(LEXICON) == 60
    for sign in LEXICON.values():
        assert sign.handshape in HANDSHAPES
        assert sign.location in LOCATIONS
        assert sign.movement in MOVEMENTS
        assert sign.mouthing and set(sign.mouthing) <= set(MOUTHINGS)
        if sign.two_handed:  # mirrored hands do not run into each other
            nearest = LOCATIONS[sign.location][0] + min(x for x, *_ in MOVEMENTS[sign.movement])
            assert nearest > 0.2


def test_no_two_signs_are_the_same() -> None:
    signs = list(LEXICON.values())
    assert all(differences(a, b) for k, a in enumerate(signs) for b in signs[:k])


def test_names_spell_all_letters() -> None:
    assert (
        set("".join(NAMES))
        == set("".join(NAMES[:FEW_NAMES]))
        == set(LETTER_MOUTHINGS)
        == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    )


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_minimal_pairs_differ_in_one_parameter_and_fill_one_slot(parameter: str) -> None:
    pairs = MINIMAL_PAIRS[parameter]
    assert len(pairs) >= 3
    for one, other in pairs:
        assert differences(LEXICON[one], LEXICON[other]) == [parameter]
        assert LEXICON[one].slot == LEXICON[other].slot


def _signed(gloss: str, signer: Signer) -> tuple[Motion, Tracked]:
    units = (LEXICON["SOON"], LEXICON[gloss], Name("ZOE"))
    random = np.random.default_rng(3)
    moved = perform(Sentence(units, "", ""), signer, random)
    return moved, track(place(moved, signer, random), signer, random)


@pytest.mark.parametrize(("parameter", "one", "other"), PAIRS)
def test_the_points_of_a_minimal_pair_differ_in_that_parameter_only(
    parameter: str, one: str, other: str, signer: Signer
) -> None:
    (a, seen_a), (b, seen_b) = _signed(one, signer), _signed(other, signer)
    same = {
        "mouth": np.array_equal(a.mouth, b.mouth),
        "hands": np.array_equal(a.hands, b.hands),
        "wrists": np.array_equal(a.wrists, b.wrists),
    }
    differing = {"handshape": "hands", "mouthing": "mouth"}.get(parameter, "wrists")
    assert same == {name: name != differing for name in same}
    both = np.logical_and(seen_a.confidence > 0, seen_b.confidence > 0)
    if parameter != "location":  # a hand elsewhere comes into sight at another time
        assert np.array_equal(seen_a.confidence, seen_b.confidence)

    changed = np.abs(seen_a.data - seen_b.data).max(axis=(0, 2)) > 0  # by point
    assert changed[FACE].any() == (parameter == "mouthing")
    assert changed[:8].any() == (parameter in ("location", "movement"))
    assert changed[HANDS].any() == (parameter != "mouthing")
    if parameter in ("location", "movement"):  # the hand itself is the same
        hands = [seen.data[both[:, 157], 157:, :2] for seen in (seen_a, seen_b)]
        about_wrist = [hand - hand[:, :1] for hand in hands]
        np.testing.assert_allclose(about_wrist[0], about_wrist[1], atol=1e-4)


@pytest.mark.parametrize(("one", "other"), MINIMAL_PAIRS["movement"])
def test_a_movement_pair_is_the_same_path_backwards(
    one: str, other: str, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motion, "FPS", 1000)  # a frame is a millisecond
    paths = []
    for gloss in (one, other):
        moved, _ = _signed(gloss, signer)
        span = next(span for span in moved.spans if span.label == gloss)
        paths.append(moved.wrists[span.start : span.end + 1, 0])
    np.testing.assert_allclose(paths[0], paths[1][::-1], atol=0.01)
    assert np.abs(paths[0] - paths[1]).max() > 0.3


def test_spans_are_ordered_and_inside_the_clip() -> None:
    random, cast = Random(5), signers(5)["train"]
    for number in range(100):
        sentence = draw(random)
        moved = perform(sentence, cast[number % 12], np.random.default_rng(number))
        length = len(moved) / FPS * 1000
        assert all(0 <= span.start < span.end <= length for span in moved.spans)
        starts = [span.start for span in moved.spans]
        assert starts == sorted(starts)
        for kinds in (("sign", "name"), ("letter",), ("mouthing",)):
            own = [span for span in moved.spans if span.kind in kinds]
            assert all(a.end <= b.start for a, b in pairwise(own))
        manual = [span.label for span in moved.spans if span.kind in ("sign", "name")]
        assert tuple(manual) == sentence.glosses
        for name in (span for span in moved.spans if span.kind == "name"):
            letters = [span for span in moved.spans if span.kind == "letter"]
            assert "fs-" + "".join(span.label for span in letters) == name.label
            assert (letters[0].start, letters[-1].end) == (name.start, name.end)


def test_the_mouth_both_leads_and_lags() -> None:
    sentence, offsets = Sentence((LEXICON["SUN"], LEXICON["FOG"]), "", ""), []
    for number in range(60):
        moved = perform(sentence, signers(0)["train"][0], np.random.default_rng(number))
        spans = [span for span in moved.spans if span.kind == "mouthing"]
        sign = next(span for span in moved.spans if span.label == "SUN")
        offsets.append(spans[0].start + spans[1].end - sign.start - sign.end)
    assert min(offsets) < -100 and max(offsets) > 100  # twice the offset, in ms


def test_one_meaning_has_one_text() -> None:
    random, by_gloss, by_text = Random(1), {}, {}
    for _ in range(4000):
        sentence = draw(random)
        said = (sentence.text, sentence.text_de)
        assert by_gloss.setdefault(sentence.glosses, said) == said
        assert by_text.setdefault(sentence.text, sentence.glosses) == sentence.glosses
        assert all(text == text.lower() and text.endswith(" .") for text in said)


def test_sign_order_is_not_spoken_order() -> None:
    random, reordered = Random(1), 0
    for _ in range(200):
        sentence = draw(random)
        assert LEXICON[sentence.glosses[0]].slot == "time"
        reordered += not sentence.text.startswith(("today", "tonight", "on ", "in ", "at ", "soon"))
    assert reordered == 200


@pytest.mark.parametrize("samples", [10, 30, 200])
def test_held_out_sentences_recombine_the_training_sentences(samples: int) -> None:
    for seed in range(5):
        drawn = split_sentences(Random(seed), samples - 2 * (samples // 10), *[samples // 10] * 2)
        texts = [sentence.text for sentences in drawn.values() for sentence in sentences]
        assert len(set(texts)) == len(texts) == samples
        known = frozenset().union(*(sentence.items for sentence in drawn["train"]))
        assert all(sentence.items <= known for sentence in drawn["validation"] + drawn["test"])
        if samples >= 200:
            assert known >= {*LEXICON, *(Name(name).gloss for name in NAMES[:FEW_NAMES])}


def test_held_out_names_may_be_unseen() -> None:
    assert not {*NAMES} & {*UNSEEN_NAMES}
    assert set("".join(UNSEEN_NAMES)) <= set("".join(NAMES))
    drawn, usual = (
        split_sentences(Random(0), 160, 60, 60, 0.7, unseen_names=one) for one in (True, False)
    )
    assert drawn["train"] == usual["train"]
    known = frozenset().union(*(sentence.items for sentence in drawn["train"]))
    spelled = {Name(name).gloss for name in UNSEEN_NAMES}
    for sentence in drawn["validation"] + drawn["test"]:
        new = sentence.items - known
        names = spelled.intersection(sentence.glosses)
        assert new == names | {name.removeprefix("fs-").lower() for name in names}
    held_out = {gloss for one in drawn["validation"] + drawn["test"] for gloss in one.glosses}
    assert spelled <= held_out
    assert not held_out & {Name(name).gloss for name in NAMES}


def test_held_out_sentences_differ_from_each_other_too() -> None:
    drawn = split_sentences(Random(0), 60, 2000, 2000)
    texts = [sentence.text for sentences in drawn.values() for sentence in sentences]
    assert len(set(texts)) == len(texts)


def test_as_many_names_are_spelled_as_are_asked_for() -> None:
    assert len({*NAMES}) == MOST_NAMES
    for count in (FEW_NAMES, 40, MOST_NAMES):
        drawn = split_sentences(Random(0), 400, 40, 40, 0.6, count)
        glosses = [{gloss for one in drawn[split] for gloss in one.glosses} for split in drawn]
        names = {Name(name).gloss for name in NAMES[:count]}
        assert {gloss for gloss in glosses[0] if gloss.startswith("fs-")} == names
        assert glosses[1] | glosses[2] <= glosses[0]


def test_each_split_has_its_own_signers_of_both_hands() -> None:
    cast = signers(0)
    names = [signer.name for people in cast.values() for signer in people]
    assert len(set(names)) == len(names) == 20
    for people in cast.values():
        assert {signer.left_handed for signer in people} == {True, False}
    assert signers(0) == cast != signers(1)


@pytest.mark.parametrize("names", [0.0, 0.2, 0.7])
def test_so_many_sentences_speak_of_a_name(names: float) -> None:
    random = Random(3)
    drawn = [draw(random, names) for _ in range(2000)]
    share = sum("fs-" in " ".join(one.glosses) for one in drawn) / len(drawn)
    assert abs(share - names) < 0.04
    others = [one for one in drawn if "fs-" not in " ".join(one.glosses)]
    changes = sum("THEN" in one.glosses for one in others) / len(others)
    assert abs(changes - 0.15 / 0.8) < 0.04  # whatever the share of names
