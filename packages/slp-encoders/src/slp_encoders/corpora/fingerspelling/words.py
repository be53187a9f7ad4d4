"""Words spelled from clips of single letters: their holds one after the other, joined by straight
ways of the hand's points.

In a clip a hand comes up, holds its letter (or draws it) and goes down. What lies between is played
in a random number of frames, and between two letters every point goes straight from where it was to
where it will be. A letter that comes twice in a row is held twice, the second time a palm's size
further out, as spellers slide it. The hand is where it was filmed, and is written as a right hand.

The letters of a word are drawn independently and uniformly: no letter can be guessed from those
around it, nor from how frequent it is. Real spelling differs: fingers form the next letter while
they hold this one, and letters are left out. Where a language has one clip of a letter, the words
hold that one clip again and again, faster or slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from slp_core.errors import UserError
from slp_encoders.corpora.fingerspelling.spec import JoinConfig
from slp_encoders.processors.pose.file import read_pose_file
from slp_encoders.processors.pose.hand import KNUCKLES, WRIST
from slp_encoders.processors.pose.layout import Layout, hand_points
from slp_encoders.processors.pose.normalise import mirrored, visible
from slp_encoders.synthetic.pose_file import HAND, HAND_LIMBS

FPS = 25.0  #: of the words
STILL = 5.0  #: palm sizes a second: a hand that is slower has come up, and does not yet go down
HELD = 0.7  #: share of a letter's time, on average; the rest leads to the next
VARIES = 0.4  #: a hold or a way is shorter or longer than the average by up to this share
SLIDE = 1.0  #: palm sizes, of a letter that comes again
_SPLITS = ("train", "validation", "test")


@frozen(eq=False)
class Word:
    """``hand``: ``t 21 c`` points of a right hand; ``clips``: one a letter."""

    letters: str
    language: str
    clips: tuple[str, ...]
    hand: np.ndarray


def spelled(
    source: Path, rows: list[dict[str, str]], split: str, count: int, config: JoinConfig
) -> Iterator[Word]:
    """Random words from the clips of ``rows`` (``path language letter``), the languages in turn.

    Raises:
        UserError: a clip cannot be read, or its hand is never still.
    """
    clips: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        alphabet = clips.setdefault(row["language"], {})
        alphabet.setdefault(row["letter"].upper(), []).append(row["path"])
    holds = {row["path"]: hold(source / row["path"]) for row in rows}
    languages = sorted(clips)
    rng = np.random.default_rng([config.seed, _SPLITS.index(split)])
    for number in range(count):
        language = languages[number % len(languages)]
        alphabet = clips[language]
        length = int(rng.integers(config.shortest, config.longest + 1))
        letters = [str(letter) for letter in rng.choice(sorted(alphabet), length)]
        chosen = tuple(str(rng.choice(alphabet[letter])) for letter in letters)
        hand = join([holds[clip] for clip in chosen], letters, config.tempo, rng)
        yield Word("".join(letters), language, chosen, hand)


def hold(clip: Path) -> np.ndarray:
    """``t 21 c`` points of the hand that is seen more often, as a right hand, in the frames
    between its coming up and its going down.

    Raises:
        UserError: the file cannot be read, has no hands, or the hand is never still.
    """
    try:
        file = read_pose_file(str(clip))
        hands = {
            side: visible(file.coordinates[:, points], file.confidence[:, points])
            for side, points in hand_points(Layout.of(file.header)).items()
        }
        if not hands:
            raise ValueError("it has no hand of 21 points")
        if "left" in hands:
            hands["left"] = mirrored(hands["left"])
            hands["left"][..., 0] += file.header.dimensions.width
        hand = max(hands.values(), key=lambda one: np.isfinite(one).sum())
        return still(hand[np.isfinite(hand).all((1, 2))], file.rate)
    except ValueError as error:
        raise UserError(f"{clip}: {error}") from error


def still(hand: np.ndarray, rate: float) -> np.ndarray:
    """The frames of ``t 21 c`` points from the first to the last in which the hand is still:
    its points move by less than ``STILL`` on average. What it draws in between is kept.

    Raises:
        ValueError: it is never still.
    """
    moved = np.linalg.norm(np.diff(hand[..., :2], axis=0), axis=-1).mean(1)  # (t - 1)
    slow = np.flatnonzero(moved * rate < STILL * palm(hand))
    if not len(slow):
        raise ValueError(f"its hand is never still (below {STILL:g} palm sizes a second)")
    return hand[slow[0] : slow[-1] + 2]


def palm(hand: np.ndarray) -> float:
    """The mean distance from the wrist to the knuckles, in the picture."""
    ways = hand[:, KNUCKLES, :2] - hand[:, [WRIST], :2]
    return float(np.linalg.norm(ways, axis=-1).mean()) if len(hand) else 0.0


def join(
    holds: list[np.ndarray], letters: list[str], tempo: float, rng: np.random.Generator
) -> np.ndarray:
    """The ``t 21 c`` points of a word from the holds of its letters."""

    def frames(share: float) -> int:
        return max(1, round(FPS / tempo * share * (1 + VARIES * rng.uniform(-1, 1))))

    pieces: list[np.ndarray] = []
    slide = 0.0
    for number, points in enumerate(holds):
        again = number > 0 and letters[number] == letters[number - 1]
        slide = slide - SLIDE * palm(points) if again else 0.0  # a right hand's outside is the left
        played = at(points, np.linspace(0, len(points) - 1, frames(HELD)))
        played[..., 0] += slide
        if pieces:
            ends = np.stack([pieces[-1][-1], played[0]])
            pieces.append(at(ends, np.linspace(0, 1, frames(1 - HELD) + 2)[1:-1]))
        pieces.append(played)
    return np.concatenate(pieces)


def at(points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """``t p c`` points at fractions of frames, on straight ways between them."""
    before = np.floor(times).astype(int)
    after = np.minimum(before + 1, len(points) - 1)
    share = (times - before)[:, None, None]
    return points[before] * (1 - share) + points[after] * share


def write(file: Path, hand: np.ndarray) -> None:
    """Write ``t 21 c`` points as a ``.pose`` file of a right hand alone."""
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody

    values = hand[:, None].astype(np.float32)  # (t, person, 21, c)
    body = NumPyPoseBody(FPS, values, np.ones(values.shape[:-1], np.float32))
    with file.open("wb") as stream:
        Pose(_header(hand.shape[-1]), body).write(stream)


@cache
def _header(dims: int) -> Any:
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    kind = "XYZC" if dims == 3 else "XYC"
    limbs = list(HAND_LIMBS)
    part = PoseHeaderComponent("RIGHT_HAND_LANDMARKS", list(HAND), limbs, [(0, 0, 200)], kind)
    return PoseHeader(0.2, PoseHeaderDimensions(width=500, height=500, depth=500), [part])
