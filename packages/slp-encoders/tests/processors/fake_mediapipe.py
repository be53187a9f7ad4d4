"""What pose-format needs of MediaPipe, and an estimator that sees how bright a picture is.

The right shoulder stands at (0.4, 0.5) of the picture, the left one at (0.6, 0.5), every point of
the right hand at (brightness, 0.5); everything else is not seen. In a black picture nobody is.
"""

from __future__ import annotations

from pathlib import Path

_CODE = """
import sys
from enum import IntEnum
from types import ModuleType, SimpleNamespace as Space

BODY = {body!r}
HAND = {hand!r}


class Holistic:
    def __init__(self, model_complexity, static_image_mode):
        assert (model_complexity, static_image_mode) == (1, False)

    def process(self, picture):
        assert picture.flags.c_contiguous and picture.dtype == "uint8" and picture.shape[2] == 3
        grey = picture.mean() / 255
        places = {{"RIGHT_SHOULDER": 0.4, "LEFT_SHOULDER": 0.6}}
        body = [Space(x=places.get(name, 0.0), y=0.5, z=0.0, visibility=float(name in places))
                for name in BODY]
        hand = [Space(x=grey, y=0.5, z=0.0) for _ in HAND]
        there = grey > 0.01
        return Space(
            pose_landmarks=Space(landmark=body) if there else None,
            face_landmarks=None,
            left_hand_landmarks=None,
            right_hand_landmarks=Space(landmark=hand) if there else None,
            pose_world_landmarks=None,
        )

    def close(self):
        pass


holistic = Space(
    Holistic=Holistic,
    PoseLandmark=IntEnum("PoseLandmark", BODY, start=0),
    HandLandmark=IntEnum("HandLandmark", HAND, start=0),
    POSE_CONNECTIONS=[(11, 12)],
    HAND_CONNECTIONS=[(0, 1)],
    FACEMESH_CONTOURS=[(0, 1)],
    FACEMESH_TESSELATION=[(0, 1)],
)
solutions = Space(holistic=holistic)
for name in ("python", "python.solutions", "python.solutions.face_mesh_connections"):
    module = sys.modules["mediapipe." + name] = ModuleType("mediapipe." + name)
    module.__path__ = []
module.FACEMESH_IRISES = []
"""


def write(folder: Path, body: list[str], hand: list[str]) -> None:
    """Write the package and its metadata, to be put on ``sys.path``."""
    (folder / "mediapipe.py").write_text(_CODE.format(body=body, hand=hand))
    metadata = folder / "mediapipe-0.0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.0.1\n")
