"""What is in ``.pose`` files, against pose-format itself, and what is read of it in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slp_core.signals import Clip, Extent, SignalError
from slp_encoders.processors.pose.file import read_pose_file
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig, signature

from . import poses
from .poses import read, small


@pytest.mark.parametrize("version", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("dims", [2, 3])
def test_every_version_holds_what_pose_format_reads(
    tmp_path: Path, version: float, dims: int
) -> None:
    body = poses.random_body(poses.SMALL, 7, dims=dims)
    path = poses.write(tmp_path / "a.pose", poses.SMALL, *body)
    if version < 0.2:
        path.write_bytes(poses.old_version(version, poses.SMALL, *body))
    file, expected = read_pose_file(str(path)), poses.library(path)
    assert file.rate == expected.body.fps == 25
    assert np.array_equal(file.confidence, expected.body.confidence[:, 0])
    shown = file.confidence > 0
    assert np.array_equal(file.coordinates[shown], expected.body.data.data[:, 0][shown])


def test_how_long_a_file_is_and_which_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poses.write(tmp_path / "a.pose", poses.SMALL, *poses.random_body(poses.SMALL, 40))
    reader = PoseReader(PoseConfig(points=5, stride=2))
    assert reader.extent(Clip(str(tmp_path / "a.pose"))) == Extent(seconds=1.6, frames=40)
    (tmp_path / "b.pose").write_bytes(b"no pose")
    with pytest.raises(SignalError, match="b.pose: cannot be read"):
        reader.extent(Clip(str(tmp_path / "b.pose")))
    for there in (True, False):
        monkeypatch.setattr("slp_encoders.processors.pose.reader.is_installed", lambda: there)  # noqa: B023
        assert ".pose" in reader.suffixes and (".mp4" in reader.suffixes) is there


def test_a_person_is_chosen(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.SMALL, 6, people=3)
    path = poses.write(tmp_path / "a.pose", poses.SMALL, coordinates, confidence)
    for version in (0.2, 0.1, 0.0):
        if version < 0.2:
            path.write_bytes(poses.old_version(version, poses.SMALL, coordinates, confidence))
        assert np.array_equal(read_pose_file(str(path), 2).coordinates, coordinates[:, 2])
        with pytest.raises(SignalError, match=r"person = 3 \(from 0\) was asked for, it holds 3"):
            read_pose_file(str(path), 3)


def test_who_leaves_the_picture_is_missing(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.SMALL, 4, people=2)
    path = tmp_path / "a.pose"
    people = [2, 1, 0, 2]
    path.write_bytes(poses.old_version(0.0, poses.SMALL, coordinates, confidence, people))
    file = read_pose_file(str(path), 1)
    assert np.array_equal(file.coordinates[[0, 3]], coordinates[[0, 3], 1])
    assert not file.confidence[[1, 2]].any()


def test_version_0_1_counts_beyond_16_bits(tmp_path: Path) -> None:
    body = poses.random_body({"P": ["A"]}, 65_540)
    (tmp_path / "a.pose").write_bytes(poses.old_version(0.1, {"P": ["A"]}, *body))
    assert len(read_pose_file(str(tmp_path / "a.pose")).coordinates) == 65_540


def test_frames_are_kept_by_stride_and_rate(tmp_path: Path) -> None:
    small(tmp_path / "a.pose")
    whole = read(tmp_path / "a.pose", points=5)
    assert np.array_equal(read(tmp_path / "a.pose", points=5, stride=3), whole[::3])
    assert np.array_equal(read(tmp_path / "a.pose", points=5, fps=12.5), whole[::2])
    assert np.array_equal(read(tmp_path / "a.pose", points=5, fps=50)[1::2][:-1], whole[1:])
    clip = Clip(str(tmp_path / "a.pose"))
    assert PoseReader(PoseConfig(points=5, stride=2)).read(clip).rate == 12.5
    assert PoseReader(PoseConfig(points=5, fps=10, stride=2)).read(clip).rate == 5
    assert str(signature(PoseConfig(points=5, stride=2), "p")) == "b t d=20 (rate of the clip / 2)"
    assert str(signature(PoseConfig(points=5, fps=10, stride=2), "p")) == "b t d=20 (5 Hz)"


def test_a_span_outside_the_clip_is_refused(tmp_path: Path) -> None:
    small(tmp_path / "a.pose")
    assert len(read(tmp_path / "a.pose", 200, 440, points=5)) == 5
    for start, end in [(400, None), (0, 441), (9e9, 9.1e9)]:
        with pytest.raises(SignalError, match="lies outside the clip, which lasts 400 ms"):
            read(tmp_path / "a.pose", start, end, points=5)
