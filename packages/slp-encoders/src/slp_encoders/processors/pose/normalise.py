"""Where a signer stands and how large: taken out of the coordinates.

Every constant is a mean over the whole file, not over the span that is read, so that two spans
of one file agree. Missing points are NaN here.
"""

from __future__ import annotations

import numpy as np

from slp_encoders.processors.pose.hand import KNUCKLES, WRIST


def visible(coordinates: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """A copy of ``t p c``, NaN where a point is missing: where its confidence is not above zero
    or one of its coordinates is not finite."""
    points = np.array(coordinates, np.float32)
    seen = confidence > 0
    for axis in range(points.shape[-1]):
        seen &= np.isfinite(points[..., axis])
    points[~seen] = np.nan
    return points


def by_shoulders(coordinates: np.ndarray, shoulders: np.ndarray) -> np.ndarray:
    """Mid-shoulder origin and shoulder distance 1, as pose-format's ``Pose.normalize``.

    ``coordinates``: ``t p c``; ``shoulders``: ``t 2 c`` of the whole file.

    Raises:
        ValueError: both shoulders are never visible together, or always in one place.
    """
    both = shoulders[np.isfinite(shoulders).all((1, 2))].astype(np.float64)
    if not len(both):
        raise ValueError("its shoulders are never visible together")
    distance = np.linalg.norm(both[:, 0] - both[:, 1], axis=-1).mean()
    if distance == 0:
        raise ValueError("its shoulders are in one place")
    return (coordinates - np.float32(both.mean((0, 1)))) / np.float32(distance)


def by_wrist(hand: np.ndarray) -> np.ndarray:
    """Points from the wrist, in palm sizes: the mean distance from the wrist to the knuckles.

    ``hand``: ``t 21 c`` of the whole file. The wrist's own place holds its path, from its mean.
    A hand that is never visible stays missing.

    Raises:
        ValueError: the palm has no size.
    """
    wrist = hand[:, [WRIST]]
    path = wrist - _mean(wrist[:, 0])
    palm = _mean(np.linalg.norm(hand[:, KNUCKLES] - wrist, axis=-1).reshape(-1, 1))
    if palm == 0:
        raise ValueError("a hand's knuckles are all in its wrist")
    return np.concatenate([path, (hand - wrist)[:, 1:]], 1) / palm


def by_eyes(lips: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Lips from their middle in each frame, in mean distances of the outer corners of the eyes.

    ``lips``: ``t p c`` and ``eyes``: ``t 2 c`` of the whole file. Nothing is left of a frame in
    which one of the lips' points is missing.

    Raises:
        ValueError: the eyes are never visible together, or always in one place.
    """
    distance = _mean(np.linalg.norm(eyes[:, :1] - eyes[:, 1:], axis=-1))[0]
    if np.isnan(distance):
        raise ValueError("its eyes are never visible together")
    if distance == 0:
        raise ValueError("its eyes are in one place")
    return (lips - lips.mean(1, keepdims=True)) / distance


def mirrored(points: np.ndarray) -> np.ndarray:
    """``t p c`` as in a mirror: a left hand becomes a right hand."""
    return points * np.array([-1.0, 1.0, 1.0])[: points.shape[-1]]


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the rows of ``t c`` without NaN; NaN if there are none."""
    whole = values[np.isfinite(values).all(-1)]
    return whole.mean(0) if len(whole) else np.full(values.shape[-1], np.nan)
