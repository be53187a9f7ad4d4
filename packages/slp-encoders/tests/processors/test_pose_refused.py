"""What no ``.pose`` file may be, and keys that say nothing."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slp_core.signals import SignalError
from slp_encoders.processors.pose.file import read_pose_file
from slp_encoders.processors.pose.spec import PoseConfig

from . import poses
from .poses import read, small


def test_nothing_to_see_is_refused(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.SMALL, 10)
    confidence[5:] = 0
    path = poses.write(tmp_path / "a.pose", poses.SMALL, coordinates, confidence)
    assert len(read(path, 0, 400, points=5)) == 10
    with pytest.raises(SignalError, match="none of its points is visible in the span"):
        read(path, 200, 400, points=5)
    confidence[:, :, 0] = 0
    poses.write(path, poses.SMALL, coordinates, confidence)
    with pytest.raises(SignalError, match="shoulders are never visible together"):
        read(path, points=5)


def test_impossible_coordinates_are_refused(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.SMALL, 3)
    coordinates[..., :2, :] = 1e-30 * coordinates[..., :2, :]
    coordinates[..., 2:, :] = 1e30
    path = poses.write(tmp_path / "a.pose", poses.SMALL, coordinates, confidence)
    with pytest.raises(SignalError, match="too large to be true"):
        read(path, points=5)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pose"
    small(path)
    whole = path.read_bytes()
    body = poses.random_body(poses.SMALL, 10)
    oldest, old = (poses.old_version(version, poses.SMALL, *body) for version in (0.0, 0.1))
    header = len(whole) - 10 - 10 * 5 * 16
    for content, said in [
        (b"", "a.pose: cannot be read: it is empty"),
        (b"no pose at all", "none of the .pose format$"),
        (whole[:-4], "truncated or damaged"),
        (whole + b"\0" * 4, "truncated or damaged"),
        (old[:-20], "truncated or damaged"),
        (oldest[:-20], "frames end at byte"),
        (oldest[:-820], "cannot be read"),
        (struct.pack("<f", 0.3) + whole[4:], "version 0.3 of the format is unknown"),
        (whole[:header] + struct.pack("<fIH", 25, 0, 1), "holds no frame"),
        (whole[:header] + struct.pack("<fI", float("nan"), 10) + whole[header + 8 :], "nan frames"),
        (whole[: header + 8] + struct.pack("<H", 0), "person = 0"),
    ]:
        path.write_bytes(content)
        with pytest.raises(SignalError, match=said) as error:
            read(path, points=5)
        assert "\n" not in str(error.value)


def test_empty_frames_cost_no_memory(tmp_path: Path) -> None:
    points = [""] * 30_000
    coordinates, confidence = (np.zeros((1, 1, 30_000, 2), np.float32), np.ones((1, 1, 30_000)))
    one = poses.old_version(0.0, {"P": points}, coordinates, confidence.astype(np.float32))
    frames = len(one) - (2 + 2 + 30_000 * 12)
    many = one[: frames - 2] + struct.pack("<H", 60_000) + one[frames:] + b"\0\0" * 59_999
    (tmp_path / "a.pose").write_bytes(many)  # half a megabyte that would become twenty gigabytes
    with pytest.raises(SignalError, match="person 0 is in 1 of its 60000 frames only"):
        read_pose_file(str(tmp_path / "a.pose"))


@given(
    version=st.sampled_from([0.0, 0.1, 0.2]),
    edits=st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), max_size=4),
    cut=st.integers(0, 900),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_give_one_line_and_cost_no_memory(
    tmp_path: Path, version: float, edits: list[tuple[int, bytes]], cut: int
) -> None:
    path = tmp_path / "a.pose"
    small(path, 5)
    if version < 0.2:
        body = poses.random_body(poses.SMALL, 5)
        path.write_bytes(poses.old_version(version, poses.SMALL, *body))
    content = bytearray(path.read_bytes())
    for place, edit in edits:
        content[place : place + len(edit)] = edit
    path.write_bytes(content[: len(content) - cut] if cut % 2 else content)
    tracemalloc.start()
    for config in ({"points": 5}, {"normalize": "hands", "fps": 25.0}, {"components": ("X",)}):
        try:
            read(path, **config)
        except SignalError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
    assert tracemalloc.get_traced_memory()[1] < 1e8
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"dominant": True}, "dominant needs"),
        ({"normalize": "hands", "points": 42}, "fixes the points"),
        ({"normalize": "hands", "components": ("X",)}, "components cannot be chosen"),
        ({"normalize": "mouth", "points": 40}, "fixes the points"),
    ],
)
def test_keys_without_an_effect_are_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PoseConfig(**config)
