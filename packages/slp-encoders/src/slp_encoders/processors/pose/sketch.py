"""Frames of a normalised pose as small line drawings, and all of them as a skeleton that moves."""

from __future__ import annotations

import numpy as np

from slp_core.moving import Limbs, Skeleton
from slp_encoders.processors.pose.hand import BEFORE, POINTS
from slp_encoders.processors.pose.spec import HOLISTIC_POINTS, PoseConfig

_HAND = [(before, joint) for joint, before in enumerate(BEFORE) if joint]
_ARMS = [(0, 1), (0, 2), (2, 4), (1, 3), (3, 5)]  # shoulders, elbows, wrists; left, right
_BODY, _FACE = 8, 128  # points of a reduced MediaPipe Holistic, before its hands
_MARGIN = 4.0


def sketch(shown: Skeleton, frames: int) -> list[str]:
    """Evenly spaced frames, each an SVG."""
    chosen = np.unique(np.linspace(0, len(shown.points) - 1, frames).round().astype(int))
    limbs = [limb for group in shown.limbs.values() for limb in group]
    return [_frame(shown.points[one], shown.seen[one], limbs, shown.dots) for one in chosen]


def skeleton(
    points: np.ndarray, seen: np.ndarray, config: PoseConfig, rate: float
) -> Skeleton | None:
    """``t p c`` points, where ``t p`` are seen, in one frame of reference: what is seen in the
    clip fills the box. None if nothing is."""
    if config.normalize == "hands":
        return _hands(points, seen, rate)
    if config.kept == HOLISTIC_POINTS and config.components is None:
        return _holistic(points, seen, rate)
    return _in_box(points, seen, {}, list(range(config.kept)), rate)


def _holistic(points: np.ndarray, seen: np.ndarray, rate: float) -> Skeleton | None:
    """Arms, hands and face of a reduced MediaPipe Holistic: ``t 178 c``, ``t 178``.

    Hips are left out: they lie outside many pictures, and would make the hands small.
    """
    left = _BODY + _FACE
    limbs = {
        "body": _ARMS,
        "left hand": [(left + a, left + b) for a, b in _HAND],
        "right hand": [(left + POINTS + a, left + POINTS + b) for a, b in _HAND],
    }
    seen = seen.copy()
    seen[:, _BODY - 2 : _BODY] = False
    return _in_box(points, seen, limbs, list(range(_BODY, left)), rate)


def _hands(points: np.ndarray, seen: np.ndarray, rate: float) -> Skeleton | None:
    """Hands from the wrist, ``t (hands 21) c``, beside each other; one alone is no side's."""
    hands = points.reshape(len(points), -1, POINTS, points.shape[-1])[..., :2].copy()
    hands[:, :, 0] = 0  # the wrist's place holds its path
    sides = ["body"]
    if hands.shape[1] == 2:
        sides = ["left hand", "right hand"]
        width = 1.2 * np.ptp(hands[..., 0])
        hands[:, 0, :, 0] *= -1  # left hands are mirrored, to look like right ones
        hands[:, 1, :, 0] += width
    limbs = {
        side: [(POINTS * hand + a, POINTS * hand + b) for a, b in _HAND]
        for hand, side in enumerate(sides)
    }
    return _in_box(hands.reshape(len(hands), -1, 2), seen, limbs, [], rate)


def _in_box(
    points: np.ndarray, seen: np.ndarray, limbs: dict[str, Limbs], dots: list[int], rate: float
) -> Skeleton | None:
    if not seen.any():
        return None
    plane = points[..., :2].astype(np.float64)
    low, high = plane[seen].min(0), plane[seen].max(0)
    scale = (100 - 2 * _MARGIN) / max((high - low).max(), 1e-9)
    return Skeleton(50 + (plane - (low + high) / 2) * scale, seen, limbs, dots, rate)


def _frame(plane: np.ndarray, seen: np.ndarray, limbs: Limbs, dots: list[int]) -> str:
    def place(point: int) -> str:
        x, y = plane[point]
        return f"{x:.1f} {y:.1f}"

    lines = "".join(f"M{place(a)}L{place(b)}" for a, b in limbs if seen[a] and seen[b])
    spots = "".join(f"M{place(point)}h0" for point in dots if seen[point])
    style = 'fill="none" stroke="currentColor" stroke-linecap="round"'
    size = 1.1 if limbs else 3
    return (
        f'<path d="{lines}" {style} stroke-width="1.7"/>'
        f'<path d="{spots}" {style} stroke-width="{size}" opacity=".6"/>'
    )
