"""The face: the 128 contour points of MediaPipe's face mesh as curves that a mouthing moves.

Lengths are in shoulder widths; the head is an ellipsoid above the shoulders. Only the lips move
with a mouthing, so that nothing but the lips tells a mouthing pair apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: contours of the face mesh, as MediaPipe numbers them, from the picture's left to its right
CONTOURS: dict[str, tuple[int, ...]] = {
    "oval": (
        10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    ),
    "lips-outer-upper": (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    "lips-outer-lower": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    "lips-inner-upper": (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    "lips-inner-lower": (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    "right-eye-upper": (33, 246, 161, 160, 159, 158, 157, 173, 133),
    "right-eye-lower": (33, 7, 163, 144, 145, 153, 154, 155, 133),
    "left-eye-upper": (362, 398, 384, 385, 386, 387, 388, 466, 263),
    "left-eye-lower": (362, 382, 381, 380, 374, 373, 390, 249, 263),
    "right-brow-lower": (46, 53, 52, 65, 55),
    "right-brow-upper": (70, 63, 105, 66, 107),
    "left-brow-lower": (285, 295, 282, 283, 276),
    "left-brow-upper": (336, 296, 334, 293, 300),
}  # fmt: skip

MESH: tuple[int, ...] = tuple(sorted({point for curve in CONTOURS.values() for point in curve}))
INDEX: dict[int, int] = {point: index for index, point in enumerate(MESH)}

CENTRE = (0.0, -0.62, -0.10)  #: middle of the head
_WIDTH, _HEIGHT, _DEPTH = 0.235, 0.29, 0.2  # half axes
_MOUTH_Y, _MOUTH_WIDTH = 0.15, 0.09
_EYE_X, _EYE_Y, _EYE_WIDTH, _EYE_HEIGHT = 0.1, -0.05, 0.045, 0.016


def indices(curve: str) -> list[int]:
    """Where a contour's points stand among the 128."""
    return [INDEX[point] for point in CONTOURS[curve]]


def opening(name: str) -> list[int]:
    """The contour points once around an eye, or the outer or inner lips."""
    return [*indices(f"{name}-upper"), *indices(f"{name}-lower")[::-1]]


def limbs() -> list[tuple[int, int]]:
    """The contours as pairs of neighbouring points."""
    pairs = []
    for name, curve in CONTOURS.items():
        ahead = curve[1:] + curve[:1] if name == "oval" else curve[1:]
        pairs += [(INDEX[one], INDEX[other]) for one, other in zip(curve, ahead, strict=False)]
    return pairs


def _still_points() -> Array:
    """All but the lips, (128, 2), about the middle of the head."""
    points = np.zeros((len(MESH), 2))
    turn = np.arange(36) / 36 * 2 * np.pi
    points[indices("oval")] = np.stack([_WIDTH * np.sin(turn), -_HEIGHT * np.cos(turn)], axis=-1)
    for side, sign in (("right", -1), ("left", 1)):
        x = np.linspace(-1, 1, 9)
        for half, direction in (("upper", -1), ("lower", 1)):
            y = _EYE_Y + direction * _EYE_HEIGHT * (1 - x**2)
            eye = np.stack([sign * _EYE_X + _EYE_WIDTH * x, y], axis=-1)
            points[indices(f"{side}-eye-{half}")] = eye
        x = np.linspace(-1, 1, 5)
        for half, height in (("lower", -0.105), ("upper", -0.125)):
            brow = np.stack([sign * _EYE_X + 0.06 * x, height - 0.015 * (1 - x**2)], axis=-1)
            points[indices(f"{side}-brow-{half}")] = brow
    return points


def face_points(mouth: Array) -> Array:
    """The face at each frame.

    Args:
        mouth: opening, width and protrusion, (t, 3).

    Returns:
        (t, 128, 3) about the middle of the head.
    """
    points = np.repeat(_still_points()[None], len(mouth), axis=0)
    opening, width, pushed = (mouth[:, axis, None] for axis in range(3))  # (t, 1)
    x = np.linspace(-1, 1, 11)
    arch = 1 - x**2
    full = 1 + 0.35 * pushed  # pushed lips are thicker
    heights = {
        "lips-outer-upper": -(0.026 * full + 0.025 * opening) * arch,
        "lips-outer-lower": (0.03 * full + 0.085 * opening) * arch,
        "lips-inner-upper": -(0.003 + 0.022 * opening) * arch,
        "lips-inner-lower": (0.003 + 0.08 * opening) * arch,
    }
    for name, height in heights.items():
        reach = _MOUTH_WIDTH * (1.0 if "outer" in name else 0.84)
        where = indices(name)
        points[:, where, 0] = reach * width * x
        points[:, where, 1] = _MOUTH_Y + height
    inside = 1 - (points[..., 0] / _WIDTH) ** 2 - (points[..., 1] / _HEIGHT) ** 2
    depth = -_DEPTH * np.sqrt(np.clip(inside, 0, 1))
    for name in heights:
        depth[:, indices(name)] -= 0.03 * pushed
    return np.concatenate([points, depth[..., None]], axis=-1)
