"""What rules say of a pose, of hands drawn point by point; and phrases as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_llm.annotators.sign_description import phrases
from slp_llm.annotators.sign_description.phrases import VOCABULARY, describe, multi_hot

RATE = 25.0
STATES = {"extended": (0.3, 0.5, 0.7), "bent": (0.2, 0.3, 0.35), "closed": (0.05, -0.2, -0.3)}


def hand(fingers: str, thumb_out: bool = False, apart: float = 0.0) -> np.ndarray:
    """A right hand of ``21 2`` about its wrist, fingers up, palm to the viewer; e, b or c for each
    finger from the index on. A palm is 1 long; the little finger is on the picture's left."""
    points = np.zeros((21, 2))
    points[1:5] = [(-0.1, -0.3), (-0.2, -0.5), (-0.2, -0.7), (-0.7, -0.6)]
    if not thumb_out:
        points[4] = (-0.1, -0.8)
    for number, letter in enumerate(fingers):
        state = next(state for state in STATES if state.startswith(letter))
        knuckle, x = 5 + 4 * number, -0.2 + 0.2 * number
        points[knuckle] = (x, -1)
        points[9] = (0, -1)
        for joint, reach in enumerate(STATES[state], start=1):
            points[knuckle + joint] = (x + (number - 1.5) * apart * reach, -1 - reach)
    return points * (-1, 1)


def frames(*wrists: tuple[float, float], shape: np.ndarray, side: str = "right") -> list[str]:
    """The pose of one hand at these places, one a frame; what is said of that hand."""
    points = np.zeros((len(wrists), phrases.POINTS, 2))
    seen = np.zeros((len(wrists), phrases.POINTS), bool)
    points[:, phrases.FOREHEAD], points[:, phrases.CHIN] = (0, -1.0), (0, -0.4)
    seen[:, [phrases.FOREHEAD, phrases.CHIN]] = True
    for step, wrist in enumerate(wrists):
        points[step, phrases.HANDS[side]] = 0.2 * shape + wrist
    seen[:, phrases.HANDS[side]] = True
    said = describe(points, seen, RATE)
    clause = next(c for c in said[len(said) // 2].split("; ") if c.startswith(side))
    return clause.split(", ")[1:]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (hand("eeee"), ["flat"]),
        (hand("eeee", apart=0.4), ["flat", "fingers apart"]),
        (hand("cccc"), ["fist"]),
        (hand("cccc", thumb_out=True), ["fist", "thumb out"]),
        (hand("bbbb"), ["claw"]),
        (hand("eccc"), ["index extended"]),
        (hand("eecc", apart=0.4), ["index extended", "middle extended", "fingers apart"]),
        (hand("cbce"), ["middle bent", "little extended"]),
    ],
)
def test_handshapes(shape: np.ndarray, said: list[str]) -> None:
    found = frames((0, 1), shape=shape)
    assert found[: found.index("pointing up")] == said


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((0, -1.2), "above the head"), ((0, -0.85), "at forehead"), ((0, -0.6), "at cheek"),
        ((0, -0.4), "at chin"), ((0, 0.0), "at neck"), ((0, 0.4), "at chest"),
        ((0, 0.7), "at belly"), ((0, 1.2), "at waist"),
    ],
)  # fmt: skip
def test_heights(place: tuple[float, float], said: str) -> None:
    middle = (place[0], place[1] + 0.1)  # of a hand of 0.2 above its wrist
    assert [phrase for phrase in frames(middle, shape=hand("eeee")) if "at " in phrase
            or "above" in phrase] == [said]  # fmt: skip


def test_sides_and_directions_are_those_of_the_hand() -> None:
    flat = hand("eeee")
    assert "to the side" in frames((-0.6, 0), shape=flat)  # the signer's right, the picture's left
    assert "far to the side" in frames((-1.0, 0), shape=flat)
    assert "across the body" in frames((0.5, 0), shape=flat)
    mirrored = flat * (-1, 1)
    assert "to the side" in frames((0.6, 0), shape=mirrored, side="left")
    right = frames((-0.6, 0), (-0.5, -0.1), (-0.4, -0.2), shape=flat)
    left = frames((0.6, 0), (0.5, -0.1), (0.4, -0.2), shape=mirrored, side="left")
    assert right == left and "moving up and in" in right and "palm to the viewer" in right
    assert "back to the viewer" in frames((0, 0), shape=mirrored)
    thin = flat * (0.1, 1)
    assert "edge to the viewer" in frames((0, 0), shape=thin)
    down = flat * (-1, -1)  # half a turn
    assert {"pointing down", "palm to the viewer"} < {*frames((0, 0), shape=down)}


@pytest.mark.parametrize(
    ("step", "said"),
    [((0, 0), "still"), ((0, 0.01), "still"), ((0, -0.1), "moving up"), ((0, 0.1), "moving down"),
     ((0.1, 0), "moving in"), ((-0.1, 0), "moving out"), ((-0.1, 0.1), "moving down and out")],
)  # fmt: skip
def test_movements(step: tuple[float, float], said: str) -> None:
    places = [(step[0] * n, step[1] * n) for n in range(5)]
    assert frames(*places, shape=hand("eeee"))[-1] == said


def test_a_hand_or_mouth_that_is_not_seen() -> None:
    said = describe(np.zeros((2, 178, 2)), np.zeros((2, 178), bool), RATE)
    assert said == ["right hand, not seen; left hand, not seen; mouth, not seen"] * 2


@pytest.mark.parametrize(
    ("width", "opening", "said"),
    [(0.6, 0.05, "closed"), (0.6, 0.2, "open"), (0.8, 0.2, "open, wide"),
     (0.4, 0.05, "closed, narrow")],
)  # fmt: skip
def test_mouths(width: float, opening: float, said: str) -> None:
    points, seen = np.zeros((1, 178, 2)), np.zeros((1, 178), bool)
    for pair, gap in ((phrases.LIPS, (0, opening)), (phrases.CORNERS, (width, 0)),
                      (phrases.EYES, (1, 0))):  # fmt: skip
        points[0, pair[1]] = 0.3 * np.array(gap)
        seen[0, list(pair)] = True
    assert describe(points, seen, RATE)[0].split("; ")[-1] == f"mouth, {said}"


@given(st.sets(st.sampled_from(VOCABULARY), min_size=1))
def test_a_number_for_each_phrase(said: set[str]) -> None:
    clauses: dict[str, list[str]] = {}
    for one in sorted(said):
        whom, _, phrase = one.partition(", ")
        clauses.setdefault(whom, []).append(phrase)
    text = "; ".join(", ".join([whom, *some]) for whom, some in clauses.items())
    numbers = multi_hot(text)
    assert {phrase for phrase, number in zip(VOCABULARY, numbers, strict=True) if number} == said
    assert numbers.dtype == np.float32 and {*numbers} <= {0, 1}


def test_nothing_is_said_that_has_no_number() -> None:
    rng = np.random.default_rng(0)
    points, seen = rng.normal(0, 0.6, (400, 178, 2)), rng.random((400, 178)) < 0.999
    for sentence in describe(points, seen, RATE):
        phrases_said = sum(clause.count(", ") for clause in sentence.split("; "))
        assert multi_hot(sentence).sum() == phrases_said
    assert len(VOCABULARY) == len({*VOCABULARY}) == 97
