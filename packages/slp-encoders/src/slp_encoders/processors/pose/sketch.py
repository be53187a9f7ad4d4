"""Frames of a normalised pose as small line drawings."""

from __future__ import annotations

import numpy as np

from slp_encoders.processors.pose.hand import BEFORE, POINTS
from slp_encoders.processors.pose.spec import HOLISTIC_POINTS, PoseConfig

Limbs = list[tuple[int, int]]

_HAND = [(before, joint) for joint, before in enumerate(BEFORE) if joint]
_ARMS = [(0, 1), (0, 2), (2, 4), (1, 3), (3, 5)]  # shoulders, elbows, wrists; left, right
_BODY, _FACE = 8, 128  # points of a reduced MediaPipe Holistic, before its hands
_MARGIN = 4.0


def sketch(points: np.ndarray, seen: np.ndarray, config: PoseConfig, frames: int) -> list[str]:
    """Evenly spaced frames of ``t p c`` points, where ``t p`` are seen."""
    if config.normalize == "hands":
        return _hands(points, seen, frames)
    if config.kept == HOLISTIC_POINTS and config.components is None:
        return _holistic(points, seen, frames)
    return _draw(points, seen, [], list(range(config.kept)), frames)


def _holistic(points: np.ndarray, seen: np.ndarray, frames: int) -> list[str]:
    """Arms, hands and face of a reduced MediaPipe Holistic: ``t 178 c``, ``t 178``.

    Hips are left out: they lie outside many pictures, and would make the hands small.
    """
    hands = [_BODY + _FACE + 21 * side for side in (0, 1)]
    limbs = _ARMS + [(start + a, start + b) for start in hands for a, b in _HAND]
    dots = list(range(_BODY, _BODY + _FACE))
    seen = seen.copy()
    seen[:, _BODY - 2 : _BODY] = False
    return _draw(points, seen, limbs, dots, frames)


def _hands(points: np.ndarray, seen: np.ndarray, frames: int) -> list[str]:
    """Hands from the wrist, ``t (hands 21) c``, beside each other."""
    hands = points.reshape(len(points), -1, POINTS, points.shape[-1])[..., :2].copy()
    hands[:, :, 0] = 0  # the wrist's place holds its path
    count = hands.shape[1]
    if count == 2:
        width = 1.2 * np.ptp(hands[..., 0])
        hands[:, 0, :, 0] *= -1  # left hands are mirrored, to look like right ones
        hands[:, 1, :, 0] += width
    limbs = [(POINTS * hand + a, POINTS * hand + b) for hand in range(count) for a, b in _HAND]
    return _draw(hands.reshape(len(hands), -1, 2), seen, limbs, [], frames)


def _draw(
    points: np.ndarray,
    seen: np.ndarray,
    limbs: Limbs,
    dots: list[int],
    frames: int,
) -> list[str]:
    """Every frame in the same frame of reference: what is seen in the clip fills the box."""
    if not seen.any():
        return []
    plane = points[..., :2].astype(np.float64)
    low, high = plane[seen].min(0), plane[seen].max(0)
    scale = (100 - 2 * _MARGIN) / max((high - low).max(), 1e-9)
    plane = 50 + (plane - (low + high) / 2) * scale
    chosen = np.unique(np.linspace(0, len(points) - 1, frames).round().astype(int))
    return [_frame(plane[frame], seen[frame], limbs, dots) for frame in chosen]


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
