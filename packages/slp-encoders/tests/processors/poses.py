"""Small ``.pose`` files, written by pose-format or byte by byte as its specification says."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from slp_core.signals import Clip
from slp_encoders.processors.pose.mirror import HOLISTIC
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig, signature

Components = dict[str, list[str]]

REDUCED: Components = {}
for _name, _point in HOLISTIC:
    REDUCED.setdefault(_name, []).append(_point)
#: as MediaPipe gives it; the names of what a reduction drops matter to nobody but it
FULL: Components = {
    "POSE_LANDMARKS": [
        *("NOSE", "LEFT_EYE_INNER", "LEFT_EYE", "LEFT_EYE_OUTER", "RIGHT_EYE_INNER", "RIGHT_EYE"),
        *("RIGHT_EYE_OUTER", "LEFT_EAR", "RIGHT_EAR", "MOUTH_LEFT", "MOUTH_RIGHT"),
        *("LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_ELBOW", "RIGHT_ELBOW", "LEFT_WRIST"),
        *("RIGHT_WRIST", "LEFT_PINKY", "RIGHT_PINKY", "LEFT_INDEX", "RIGHT_INDEX", "LEFT_THUMB"),
        *("RIGHT_THUMB", "LEFT_HIP", "RIGHT_HIP", "LEFT_KNEE", "RIGHT_KNEE", "LEFT_ANKLE"),
        *("RIGHT_ANKLE", "LEFT_HEEL", "RIGHT_HEEL", "LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX"),
    ],
    "FACE_LANDMARKS": [str(number) for number in range(468)],
    "LEFT_HAND_LANDMARKS": REDUCED["LEFT_HAND_LANDMARKS"],
    "RIGHT_HAND_LANDMARKS": REDUCED["RIGHT_HAND_LANDMARKS"],
    "POSE_WORLD_LANDMARKS": [f"W{number}" for number in range(33)],
}
SMALL: Components = {
    "POSE_LANDMARKS": ["LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_WRIST"],
    "LEFT_HAND_LANDMARKS": ["WRIST", "THUMB_TIP"],
}


def header(components: Components, form: str = "XYZC") -> PoseHeader:
    parts = [
        PoseHeaderComponent(name, points, [(0, 1)], [(255, 0, 0)], form)
        for name, points in components.items()
    ]
    return PoseHeader(0.2, PoseHeaderDimensions(640, 480, 100), parts)


def random_body(
    components: Components, frames: int, people: int = 1, dims: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates ``t people points dims`` in pixels and confidences, a tenth of them zero."""
    rng = np.random.default_rng(seed)
    points = sum(map(len, components.values()))
    coordinates = rng.uniform(50, 400, (frames, people, points, dims)).astype(np.float32)
    confidence = rng.uniform(0.1, 1, (frames, people, points)).astype(np.float32)
    confidence[rng.random(confidence.shape) < 0.1] = 0
    coordinates[confidence == 0] = 0
    return coordinates, confidence


def write(
    path: Path,
    components: Components,
    coordinates: np.ndarray,
    confidence: np.ndarray,
    rate: float = 25.0,
) -> Path:
    """A file of version 0.2, by pose-format."""
    head = header(components, "XYZC" if coordinates.shape[-1] == 3 else "XYC")
    with path.open("wb") as stream:
        Pose(head, NumPyPoseBody(rate, coordinates, confidence)).write(stream)
    return path


def old_version(
    version: float,
    components: Components,
    coordinates: np.ndarray,
    confidence: np.ndarray,
    people: list[int] | None = None,
) -> bytes:
    """A file of version 0.0 or 0.1 at 25 frames a second; 0.0 with ``people`` in each frame."""
    frames, most, _, dims = coordinates.shape
    stream = BytesIO()
    header(components, "XYZC" if dims == 3 else "XYC").write(stream)
    content = struct.pack("<f", version) + stream.getvalue()[4:]
    if version:
        content += struct.pack("<HHH", 25, frames % 65536, most)
        return content + coordinates.tobytes() + confidence.tobytes()
    content += struct.pack("<HH", 25, frames)
    values = np.concatenate([coordinates, confidence[..., None]], -1)
    for frame, count in zip(values, people or [most] * frames, strict=True):
        content += struct.pack("<H", count)
        for person in frame[:count]:
            content += struct.pack("<h", 7) + person.tobytes()
    return content


def library(path: Path) -> Any:
    """What pose-format reads."""
    return Pose.read(path.read_bytes())


def read(path: Path, start: float = 0, end: float | None = None, **config: Any) -> np.ndarray:
    """Values ``t p channels``; the probe and the signature agree with them."""
    built = PoseConfig(**config)
    reader, clip = PoseReader(built), Clip(str(path), start, end)
    values = reader.read(clip).values
    assert values.dtype == np.float32
    assert values.shape == (reader.probe(clip), signature(built, "pose")["d"])
    return values.reshape(len(values), built.kept, -1)


def small(path: Path, frames: int = 10, dims: int = 3, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Write a file of the five points of ``SMALL``; give back what is in it."""
    body = random_body(SMALL, frames, dims=dims, seed=seed)
    write(path, SMALL, *body)
    return body[0][:, 0], body[1][:, 0]
