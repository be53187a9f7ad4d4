"""The phonology: handshapes, locations, movements and mouthing units of the synthetic language.

Lengths are in shoulder widths from the middle of the shoulders: x grows towards the side of the
hand in question (ipsilateral), y downwards, z away from the viewer. Angles are in degrees.
"""

from __future__ import annotations

import math

from attrs import frozen

Point = tuple[float, float, float]

#: flexion of a finger at its first and second joint; the third follows the second
FLEXIONS: dict[str, tuple[float, float]] = {
    "0": (5, 5),  # straight
    "b": (75, 10),  # bent at the knuckle
    "h": (15, 95),  # hooked
    "c": (40, 50),  # curved
    "x": (85, 105),  # closed
}

#: where the thumb points: angle in the palm's plane (0 along the fingers, positive outwards),
#: angle out of that plane towards the palm's front, and bend of its two outer joints
THUMBS: dict[str, Point] = {
    "out": (70, 10, 0),
    "along": (28, 15, 0),
    "across": (15, 45, 70),
    "opposed": (35, 50, 30),
    "tucked": (-10, 40, 40),
}

#: rotation of the hand: in the image plane, about its own long axis, and tilt towards the viewer
ORIENTATIONS: dict[str, Point] = {
    "up": (0, 0, 0),  # fingers up, palm to the viewer
    "turned": (0, 50, 0),  # fingers up, palm half to the side
    "tilted": (40, 0, 0),  # leaning to the middle
    "level": (85, 0, 0),  # fingers to the other side
    "down": (155, 0, 0),  # fingers down
}


@frozen
class Handshape:
    """Four finger codes (index to little finger), their spread, the thumb, the orientation."""

    fingers: str
    spread: float = 0.0  #: 1 fanned out, 0 together, -1 index and middle crossed
    thumb: str = "across"
    orientation: str = "up"


#: the manual alphabet, one static handshape a letter
LETTERS: dict[str, Handshape] = {
    "A": Handshape("xxxx", thumb="along"),
    "B": Handshape("0000"),
    "C": Handshape("cccc", thumb="opposed", orientation="turned"),
    "D": Handshape("0ccc", thumb="opposed"),
    "E": Handshape("hhhh", thumb="tucked"),
    "F": Handshape("c000", spread=1, thumb="opposed"),
    "G": Handshape("0xxx", thumb="along", orientation="level"),
    "H": Handshape("00xx", thumb="across", orientation="level"),
    "I": Handshape("xxx0"),
    "J": Handshape("xxx0", orientation="tilted"),
    "K": Handshape("0bxx", thumb="along"),
    "L": Handshape("0xxx", thumb="out"),
    "M": Handshape("bbbx", thumb="tucked"),
    "N": Handshape("bbxx", thumb="tucked"),
    "O": Handshape("cccc", thumb="opposed"),
    "P": Handshape("0bxx", thumb="along", orientation="down"),
    "Q": Handshape("0xxx", thumb="out", orientation="down"),
    "R": Handshape("00xx", spread=-1),
    "S": Handshape("xxxx"),
    "T": Handshape("hxxx", thumb="along"),
    "U": Handshape("00xx"),
    "V": Handshape("00xx", spread=1),
    "W": Handshape("000x", spread=1),
    "X": Handshape("hxxx", thumb="across"),
    "Y": Handshape("xxx0", thumb="out"),
    "Z": Handshape("0xxx", orientation="tilted"),
}

#: what signs use: the letters' handshapes and four more
HANDSHAPES: dict[str, Handshape] = LETTERS | {
    "3": Handshape("00xx", spread=1, thumb="out"),
    "4": Handshape("0000", spread=1),
    "5": Handshape("0000", spread=1, thumb="out"),
    "claw": Handshape("hhhh", spread=1, thumb="out"),
    "bent": Handshape("bbbb", thumb="along"),
}
RELAXED = Handshape("cccc", thumb="along", orientation="down")

#: where the wrist is while the sign is made
LOCATIONS: dict[str, Point] = {
    "forehead": (0.38, -0.50, -0.35),
    "cheek": (0.55, -0.10, -0.40),
    "chin": (0.10, 0.22, -0.45),
    "shoulder": (-0.40, 0.42, -0.40),
    "chest": (0.12, 0.72, -0.40),
    "neutral": (0.58, 0.50, -0.55),
    "side": (1.00, 0.12, -0.30),
    "waist": (0.48, 0.95, -0.45),
}
SPELLING: Point = (0.72, 0.28, -0.45)  #: where names are spelled
REST: Point = (0.42, 1.45, -0.10)  #: hands in the lap, out of the camera's sight
SIGHT = 1.34  #: a wrist below this is out of sight

_CIRCLE = tuple(
    (0.15 * math.sin(math.pi * k / 6), -0.15 * math.cos(math.pi * k / 6), 0.0) for k in range(13)
)
_ARC = tuple(
    (-0.22 * math.cos(math.pi * k / 8), 0.1 - 0.22 * math.sin(math.pi * k / 8), 0.0)
    for k in range(9)
)
_DOWN = ((0.0, -0.18, 0.0), (0.0, 0.18, 0.0))
_OUT = ((-0.18, 0.0, 0.0), (0.18, 0.0, 0.0))
_ZIGZAG = ((-0.12, -0.18, 0.0), (0.12, -0.06, 0.0), (-0.12, 0.06, 0.0), (0.12, 0.18, 0.0))

#: the wrist's path about the location, in equal times; several are each other's reversal, so
#: that no frame of theirs tells them apart
MOVEMENTS: dict[str, tuple[Point, ...]] = {
    "hold": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "down": _DOWN,
    "up": _DOWN[::-1],
    "out": _OUT,
    "in": _OUT[::-1],
    "arc-out": _ARC,
    "arc-in": _ARC[::-1],
    "circle": _CIRCLE,
    "counter-circle": _CIRCLE[::-1],
    "zigzag-down": _ZIGZAG,
    "zigzag-up": _ZIGZAG[::-1],
    "nod": ((0.0, -0.08, 0.0), (0.0, 0.08, 0.0), (0.0, -0.08, 0.0), (0.0, 0.08, 0.0)),
    "shake": ((-0.1, 0.0, 0.0), (0.1, 0.0, 0.0), (-0.1, 0.0, 0.0), (0.1, 0.0, 0.0)),
}

#: mouthing units: opening of the mouth (0 closed, 1 wide), its width (1 at rest) and how far the
#: lips are pushed forward
MOUTHINGS: dict[str, Point] = {
    "m": (0.0, 0.85, 0.0),
    "f": (0.12, 1.1, -0.4),
    "t": (0.3, 1.0, 0.0),
    "sh": (0.3, 0.65, 1.0),
    "a": (1.0, 1.0, 0.0),
    "e": (0.55, 1.25, 0.0),
    "i": (0.2, 1.45, 0.0),
    "o": (0.7, 0.65, 0.5),
    "u": (0.12, 0.45, 1.0),
}
SILENT: Point = (0.05, 1.0, 0.0)

#: how the mouth speaks each letter of a spelled name
LETTER_MOUTHINGS: dict[str, str] = {
    letter: unit
    for unit, letters in {
        "m": "BMP",
        "f": "FVW",
        "t": "CDGKLNRSTXZ",
        "a": "AH",
        "e": "E",
        "i": "IJY",
        "o": "O",
        "u": "UQ",
    }.items()
    for letter in letters
}
