"""The ``.pose`` file: what a tracker would see of the points, in pose-format's own layout."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_encoders.synthetic import face
from slp_encoders.synthetic.motion import FPS
from slp_encoders.synthetic.signer import Signer
from slp_encoders.synthetic.skeleton import SIZE, Points

BODY = tuple(
    f"{side}_{joint}"
    for joint in ("SHOULDER", "ELBOW", "WRIST", "HIP")
    for side in ("LEFT", "RIGHT")
)
BODY_LIMBS = ((0, 1), (0, 2), (2, 4), (1, 3), (3, 5), (0, 6), (1, 7), (6, 7))
HAND = (
    "WRIST",
    *(f"THUMB_{joint}" for joint in ("CMC", "MCP", "IP", "TIP")),
    *(
        f"{finger}_{joint}"
        for finger in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
        for joint in ("MCP", "PIP", "DIP", "TIP")
    ),
)
_FINGERS = (
    (0, 1, 2, 3, 4),
    (0, 5, 6, 7, 8),
    (9, 10, 11, 12),
    (13, 14, 15, 16),
    (0, 17, 18, 19, 20),
)
_PALM = (5, 9, 13, 17)
HAND_LIMBS = tuple(limb for chain in (*_FINGERS, _PALM) for limb in pairwise(chain))

Array = NDArray[np.float32]


@frozen
class Tracked:
    """Points and confidences as a tracker gives them: (t, 178, 3) in pixels and (t, 178)."""

    data: Array
    confidence: Array


def track(points: Points, signer: Signer, random: np.random.Generator) -> Tracked:
    """Add a tracker's faults: jitter, hands lost when out of sight and now and then besides.

    As in MediaPipe, depth is relative to the wrist in a hand; a lost hand is all zeros.
    """
    pixel = signer.noise * signer.scale * SIZE
    body = points.body + random.normal(0, pixel, points.body.shape)
    contours = points.face + random.normal(0, 0.25 * pixel, points.face.shape)
    body_trust = random.uniform(0.9, 1.0, body.shape[:2])
    hands, trusts = [], []
    for side, (hand, seen) in enumerate(
        ((points.left, points.left_seen), (points.right, points.right_seen))
    ):
        noisy = hand + random.normal(0, pixel, (len(hand), 1, 3)) * 0.5
        noisy += random.normal(0, 0.6 * pixel, hand.shape)
        noisy[..., 2] -= noisy[:, :1, 2]
        found = seen & ~_lost(len(hand), signer.dropout, random)
        hands.append(np.where(found[:, None, None], noisy, 0))
        trusts.append(np.repeat(found[:, None], hand.shape[1], axis=1).astype(float))
        body_trust[:, 4 + side] *= np.where(seen, 1.0, 0.3)
    data = np.concatenate([body, contours, *hands], axis=1)
    trust = np.concatenate([body_trust, np.ones(contours.shape[:2]), *trusts], axis=1)
    return Tracked(data.astype(np.float32), trust.astype(np.float32))


def _lost(frames: int, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Frames in which the tracker loses a hand: bursts of one to three, (t,)."""
    lost = np.zeros(frames, dtype=bool)
    starts, lengths = random.random(frames) < share / 2, random.integers(1, 4, frames)
    for start in np.flatnonzero(starts):
        lost[start : start + lengths[start]] = True
    return lost


@cache
def _header() -> Any:
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    def part(name: str, points: Any, limbs: Any, colour: tuple[int, int, int]) -> Any:
        return PoseHeaderComponent(name, list(points), list(limbs), [colour], "XYZC")

    return PoseHeader(
        version=0.2,
        dimensions=PoseHeaderDimensions(width=SIZE, height=SIZE, depth=SIZE),
        components=[
            part("POSE_LANDMARKS", BODY, BODY_LIMBS, (255, 0, 0)),
            part("FACE_LANDMARKS", map(str, face.MESH), face.limbs(), (128, 0, 0)),
            part("LEFT_HAND_LANDMARKS", HAND, HAND_LIMBS, (0, 160, 0)),
            part("RIGHT_HAND_LANDMARKS", HAND, HAND_LIMBS, (0, 0, 200)),
        ],
    )


def write_pose(path: Path, tracked: Tracked) -> None:
    """Write one person as a ``.pose`` file (version 0.2)."""
    from pose_format import Pose
    from pose_format.numpy import NumPyPoseBody

    body = NumPyPoseBody(FPS, tracked.data[:, None], tracked.confidence[:, None])
    with path.open("wb") as stream:
        Pose(_header(), body).write(stream)
