"""Every real file: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pose_format import Pose

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig

OPENPOSE = {"points": 137, "coordinates": 2}
#: frames and what has to be written to read them
POSES: dict[str, tuple[int, dict[str, Any]]] = {
    "3dhands__example": (174, {"points": 21, "normalize": "none"}),
    "evaluation__mixed_SbTU6uS4cc1tZpqCnE3g": (44, {}),
    "multimodalhugs__sample_01": (22, {}),
    "multimodalhugs__sample_02": (16, {}),
    "pose__mediapipe_FOOTBALL": (62, {}),
    "pose__mmposewholebody_SOUP": (41, {"points": 133, "coordinates": 2}),
    "pose__python_tests_data_openpose": (93, OPENPOSE),
    "pose__sample_img_0": (1, OPENPOSE),
    "pose__v0.0": (93, OPENPOSE),
    "pose__v0.1": (93, OPENPOSE),
}


@pytest.mark.parametrize("name", POSES)
def test_poses(shared_data: Path, name: str) -> None:
    frames, config = POSES[name]
    clip = Clip(str(shared_data / "poses" / f"{name}.pose"))
    values = PoseReader(PoseConfig(**config)).read(clip).values
    assert len(values) == frames
    assert np.isfinite(values).all()
    assert values.std() > 0.1
    if config:
        with pytest.raises(SignalError) as error:
            PoseReader(PoseConfig()).read(clip)
        for key, value in config.items():
            written = f'"{value}"' if isinstance(value, str) else value
            assert f"{key} = {written}" in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [name for name in POSES if name[:5] not in ("3dhan", "evalu")])
def test_poses_are_normalised_as_by_pose_format(shared_data: Path, name: str) -> None:
    config = {**POSES[name][1], "reduce": False, "presence": False}
    path = shared_data / "poses" / f"{name}.pose"
    pose = Pose.read(path.read_bytes())
    pose.body.data = pose.body.data.astype(np.float64)
    config.setdefault("points", pose.body.data.shape[2])
    values = PoseReader(PoseConfig(**config)).read(Clip(str(path))).values
    expected = np.asarray(pose.normalize().body.data.filled(0))[:, 0]
    assert np.allclose(values, expected.reshape(len(expected), -1), atol=1e-4)


def test_a_header_that_cannot_be_parsed(shared_data: Path) -> None:
    clip = Clip(str(shared_data / "poses" / "pose__sample_video.pose"))
    with pytest.raises(SignalError, match=r"its header is none of the \.pose format"):
        PoseReader(PoseConfig()).read(clip)


def test_points_without_numbers_are_missing(shared_data: Path) -> None:
    path = shared_data / "poses" / "evaluation__mixed_SbTU6uS4cc1tZpqCnE3g.pose"
    broken = np.isnan(Pose.read(path.read_bytes()).body.data.data[:, 0]).any(-1).sum()
    values = PoseReader(PoseConfig(reduce=False, points=553)).read(Clip(str(path))).values
    assert (values.reshape(44, 553, 4)[..., 3] == 0).sum() == broken > 0


@pytest.mark.parametrize("config", [{}, {"normalize": "hands", "dominant": True}])
def test_sentences_and_letters(shared_data: Path, config: dict[str, Any]) -> None:
    reader = PoseReader(PoseConfig(**config))
    files = sorted(shared_data.glob("fingerspelling/*/*.pose"))
    files += sorted(shared_data.glob("dgs_sentences/*.pose"))
    assert len(files) == 247
    for path in files:
        signal = reader.read(Clip(str(path)))
        assert signal.rate > 20 and np.isfinite(signal.values).all()


@pytest.mark.parametrize(
    ("name", "frames", "rate"),
    [("lsa64_001_001_001", 88, 59.94), ("pose_format_test_video", 58, 29.92)],
)
def test_videos(shared_data: Path, name: str, frames: int, rate: float) -> None:
    reader = VideoReader(VideoConfig(size=112))
    clip = Clip(str(shared_data / "videos" / f"{name}.mp4"))
    signal = reader.read(clip)
    assert signal.values.shape == (frames, 3, 112, 112)
    assert signal.rate == pytest.approx(rate, abs=0.01)
    part = reader.read(Clip(clip.source, 500, 700))
    first = int(0.5 * rate)
    assert np.array_equal(part.values, signal.values[first : first + len(part.values)])


def test_a_film_without_a_stream(shared_data: Path) -> None:
    clip = Clip(str(shared_data / "videos" / "esp_v2_ImgVideo_TRUNCATED_258bytes.mp4"))
    with pytest.raises(SignalError, match="has no video stream"):
        VideoReader(VideoConfig()).read(clip)
