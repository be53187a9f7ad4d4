"""What a pose looks like, in phrases of a closed vocabulary: by rule, a frame at a time.

Numbers are in shoulder widths from the middle of the shoulders, y downwards, as the ``pose``
processor gives them, so that neither the camera's distance nor the signer's place matters. "In"
and "out" are towards the middle of the body and away from it, which makes the phrases of a left
hand those of a right hand in a mirror. "Right" is the signer's right.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

#: The 178 points of a MediaPipe Holistic after pose-format's ``reduce_holistic``.
POINTS = 178
HANDS = {"right": slice(157, 178), "left": slice(136, 157)}
FOREHEAD, CHIN = 10, 55
LIPS, CORNERS, EYES = (11, 12), (25, 87), (15, 77)  #: inner lips; the mouth's; the outer ones

WRIST, THUMB_TIP = 0, 4
FINGERS = {"index": 5, "middle": 9, "ring": 13, "little": 17}  #: knuckles; three joints follow

EXTENDED = 0.5  #: a fingertip is farther from its knuckle than this, in palms (wrist to knuckle)
STRAIGHT = 0.85  #: and this share of the finger's length, as seen, lies between the two
CLOSED = 0.1  #: a tip that lies so much nearer to the wrist than its knuckle does, in palms
APART = 10.0  #: degrees between neighbours that are extended
THUMB_OUT = 0.55  #: from its tip to the index's knuckle, in palms
EDGE = 0.2  #: across the knuckles, in palms: less shows neither palm nor back
STILL = 0.6  #: shoulder widths a second
LATELY = 0.08  #: seconds before and after, between which a movement is seen
#: where a hand's middle is: of the way from the top of the face (0) to the chin (1), ...
FACE = ((0.0, "above the head"), (0.4, "at forehead"), (0.8, "at cheek"), (1.25, "at chin"))
#: ... and below, in shoulder widths under the shoulders
BODY = ((0.15, "at neck"), (0.5, "at chest"), (0.85, "at belly"), (np.inf, "at waist"))
ACROSS, BESIDE, FAR = -0.1, 0.4, 0.8  #: from the middle outwards
OPEN, WIDE, NARROW = 0.12, 0.72, 0.5  #: the mouth, in distances of the eyes
#: eight directions, anticlockwise from outwards
WAYS = ("out", "up and out", "up", "up and in", "in", "down and in", "down", "down and out")

PALMS = ("palm to the viewer", "back to the viewer", "edge to the viewer")
SIDES = ("across the body", "to the side", "far to the side")

_OF_A_HAND = (
    "not seen", "flat", "fist", "claw",
    *(f"{finger} {how}" for finger in FINGERS for how in ("extended", "bent")),
    "fingers apart", "fingers crossed", "thumb out",
    *(f"pointing {way}" for way in WAYS), *PALMS,
    *(place for _, place in (*FACE, *BODY)), *SIDES,
    "still", *(f"moving {way}" for way in WAYS),
)  # fmt: skip
#: everything that is ever said, each with whom it is said of
VOCABULARY: tuple[str, ...] = (
    *(f"{side} hand, {phrase}" for side in HANDS for phrase in _OF_A_HAND),
    *(f"mouth, {phrase}" for phrase in ("not seen", "closed", "open", "wide", "narrow")),
)


def describe(points: np.ndarray, seen: np.ndarray, rate: float) -> list[str]:
    """A sentence a frame, as "right hand, flat, pointing up, at chin, moving up; left hand, not
    seen; mouth, closed".

    ``points``: ``t 178 2``; ``seen``: ``t 178``; ``rate``: frames a second. The top of the face
    and the chin are their medians over the clip.
    """
    face = points[seen[:, FOREHEAD] & seen[:, CHIN]][:, [FOREHEAD, CHIN], 1]  # (t', 2)
    top, chin = np.median(face, 0) if len(face) else (-0.9, -0.35)
    about = {side: _hand(points[:, hand], seen[:, hand], side, rate, top, chin)
             for side, hand in HANDS.items()}  # fmt: skip
    mouth = _mouth(points, seen)
    return [
        "; ".join(
            [*(", ".join([f"{side} hand", *said[step]]) for side, said in about.items()),
             ", ".join(["mouth", *mouth[step]])]
        )
        for step in range(len(points))
    ]  # fmt: skip


def multi_hot(description: str) -> np.ndarray:
    """A description to one number a phrase of :data:`VOCABULARY`: 1 where it is said, else 0."""
    said = set()
    for clause in description.split("; "):
        whom, *phrases = clause.split(", ")
        said |= {f"{whom}, {phrase}" for phrase in phrases}
    return np.array([phrase in said for phrase in VOCABULARY], np.float32)


def _hand(
    points: np.ndarray, seen: np.ndarray, side: str, rate: float, top: float, chin: float
) -> list[list[str]]:
    """What is said of one hand, ``t 21 2``, frame by frame."""
    outwards = -1 if side == "right" else 1  # the signer's right is on the picture's left
    points = points * np.array([outwards, 1])
    there = np.asarray(seen.all(1))
    speed = _velocity(points[:, WRIST], there, rate)  # (t, 2)
    said = []
    for step, hand in enumerate(points):
        if not there[step]:
            said.append(["not seen"])
            continue
        palm = float(np.linalg.norm(hand[FINGERS["middle"]] - hand[WRIST])) + 1e-6
        moving = np.linalg.norm(speed[step]) >= STILL
        said.append(
            [*_shape(hand, palm), f"pointing {_way(hand[FINGERS['middle']] - hand[WRIST])}",
             _palm(hand, palm), *_place((hand[WRIST] + hand[FINGERS["middle"]]) / 2, top, chin),
             f"moving {_way(speed[step])}" if moving else "still"]
        )  # fmt: skip
    return said


def _shape(hand: np.ndarray, palm: float) -> list[str]:
    """``21 2`` to its handshape."""
    states = {finger: _finger(hand, knuckle, palm)
              for finger, knuckle in FINGERS.items()}  # fmt: skip
    named = {"extended": "flat", "closed": "fist", "bent": "claw"}
    if len(set(states.values())) == 1:
        said = [named[states["index"]]]
    else:
        said = [f"{finger} {state}" for finger, state in states.items() if state != "closed"]
    extended = [knuckle for finger, knuckle in FINGERS.items() if states[finger] == "extended"]
    apart = {_apart(hand, one, other) for one, other in pairwise(extended)}
    said += [phrase for phrase in ("fingers apart", "fingers crossed") if phrase in apart]
    if np.linalg.norm(hand[THUMB_TIP] - hand[FINGERS["index"]]) > THUMB_OUT * palm:
        said.append("thumb out")
    return said


def _finger(hand: np.ndarray, knuckle: int, palm: float) -> str:
    """``21 2`` to the state of the finger of a knuckle."""
    joints = hand[knuckle : knuckle + 4]
    way, arm = joints[-1] - joints[0], joints[0] - hand[WRIST]
    reach, length = np.linalg.norm(way), np.linalg.norm(np.diff(joints, axis=0), axis=-1).sum()
    if reach > EXTENDED * palm and reach > STRAIGHT * length:
        return "extended"
    return "closed" if way @ arm < -CLOSED * palm * np.linalg.norm(arm) else "bent"


def _apart(hand: np.ndarray, one: int, other: int) -> str:
    """How two extended fingers, given by their knuckles, stand to each other."""
    way, next_way = hand[one + 3] - hand[one], hand[other + 3] - hand[other]
    cross = way[0] * next_way[1] - way[1] * next_way[0]
    if abs(np.degrees(np.arctan2(cross, way @ next_way))) <= APART:
        return "together"
    tips, knuckles = hand[other + 3] - hand[one + 3], hand[other] - hand[one]
    return "fingers crossed" if tips @ knuckles < 0 else "fingers apart"


def _palm(hand: np.ndarray, palm: float) -> str:
    """Which face of the hand is seen; x grows outwards."""
    index, little = hand[FINGERS["index"]] - hand[WRIST], hand[FINGERS["little"]] - hand[WRIST]
    across = (little[0] * index[1] - little[1] * index[0]) / palm**2
    if abs(across) < EDGE:
        return "edge to the viewer"
    return "palm to the viewer" if across < 0 else "back to the viewer"


def _place(middle: np.ndarray, top: float, chin: float) -> list[str]:
    """``2``, x outwards, to a height and, unless it is in the middle, a side."""
    x, y = middle
    up = (y - top) / max(chin - top, 1e-6)
    above = next((place for limit, place in FACE if up < limit), None)
    side = SIDES[0] if x < ACROSS else SIDES[2] if x > FAR else SIDES[1] if x > BESIDE else None
    height = above or next(place for limit, place in BODY if y < limit)
    return [height] if side is None else [height, side]


def _velocity(path: np.ndarray, there: np.ndarray, rate: float) -> np.ndarray:
    """``t 2`` a second, between the frames ``LATELY`` before and after; 0 where one is missing."""
    reach = max(1, round(LATELY * rate)) if np.isfinite(rate) else 1
    steps = np.arange(len(path))
    before, after = (steps - reach).clip(0), (steps + reach).clip(max=len(path) - 1)
    known = there[before] & there[after] & (after > before)
    seconds = np.maximum(after - before, 1) / (rate if np.isfinite(rate) else 25.0)
    return np.where(known[:, None], (path[after] - path[before]) / seconds[:, None], 0)


def _way(vector: np.ndarray) -> str:
    """``2``, x outwards and y downwards, to the nearest of eight directions."""
    return WAYS[round(np.arctan2(-vector[1], vector[0]) / (np.pi / 4)) % 8]


def _mouth(points: np.ndarray, seen: np.ndarray) -> list[list[str]]:
    needed = [*LIPS, *CORNERS, *EYES]
    there = np.asarray(seen[:, needed].all(1))
    gaps = np.linalg.norm(points[:, needed[::2]] - points[:, needed[1::2]], axis=-1)  # (t, 3)
    eyes = gaps[:, 2] + 1e-6
    opening, width = gaps[:, 0] / eyes, gaps[:, 1] / eyes
    said = []
    for step in range(len(points)):
        if not there[step]:
            said.append(["not seen"])
            continue
        form = ["wide"] if width[step] > WIDE else ["narrow"] if width[step] < NARROW else []
        said.append(["open" if opening[step] > OPEN else "closed", *form])
    return said
