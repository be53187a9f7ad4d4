"""``.pose`` files, against pose-format itself."""

from __future__ import annotations

import struct
import tracemalloc
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pose_format.utils.generic import reduce_holistic

from slp_core.signals import Clip, Extent, SignalError
from slp_encoders.processors.pose.file import read_pose_file
from slp_encoders.processors.pose.lips import EYES, LIPS
from slp_encoders.processors.pose.normalise import by_wrist, mirrored
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig, signature

from . import poses


def read(path: Path, start: float = 0, end: float | None = None, **config: Any) -> np.ndarray:
    """Values ``t p channels``; the probe and the signature agree with them."""
    built = PoseConfig(**config)
    reader, clip = PoseReader(built), Clip(str(path), start, end)
    values = reader.read(clip).values
    assert values.dtype == np.float32
    assert values.shape == (reader.probe(clip), signature(built, "pose")["d"])
    return values.reshape(len(values), built.kept, -1)


def small(path: Path, frames: int = 10, dims: int = 3, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Write a file of the five points of ``poses.SMALL``; give back what is in it."""
    body = poses.random_body(poses.SMALL, frames, dims=dims, seed=seed)
    poses.write(path, poses.SMALL, *body)
    return body[0][:, 0], body[1][:, 0]


def normalised_by_library(pose: Any, coordinates: int = 3) -> np.ndarray:
    """pose-format's own normalisation, missing points zero."""
    pose.body.data = pose.body.data.astype(np.float64)[..., :coordinates]
    return np.asarray(pose.normalize().body.data.filled(0))[:, 0]


# What is in a file


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


# Normalisation


@pytest.mark.parametrize("coordinates", [2, 3])
def test_shoulders_as_pose_format_normalises(tmp_path: Path, coordinates: int) -> None:
    small(tmp_path / "a.pose")
    values = read(tmp_path / "a.pose", points=5, coordinates=coordinates)
    expected = normalised_by_library(poses.library(tmp_path / "a.pose"), coordinates)
    assert np.allclose(values[..., :-1], expected, atol=1e-5)


def test_missing_points_are_zero_and_said_to_be_missing(tmp_path: Path) -> None:
    coordinates, confidence = small(tmp_path / "a.pose")
    values = read(tmp_path / "a.pose", points=5)
    assert np.array_equal(values[..., 3], confidence > 0)
    assert not values[confidence == 0].any()
    assert np.array_equal(read(tmp_path / "a.pose", points=5, presence=False), values[..., :3])
    pixels = read(tmp_path / "a.pose", points=5, normalize="none", presence=False)
    assert np.array_equal(pixels, coordinates)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_points_that_are_no_number_are_missing(tmp_path: Path, value: float) -> None:
    coordinates, confidence = poses.random_body(poses.SMALL, 5)
    gone = coordinates.copy(), confidence.copy()
    coordinates[2, 0, 0, 1], confidence[2, 0, 0] = value, 1  # a shoulder
    gone[0][2, 0, 0], gone[1][2, 0, 0] = 0, 0
    path, other = tmp_path / "a.pose", tmp_path / "b.pose"
    poses.write(path, poses.SMALL, coordinates, confidence)
    poses.write(other, poses.SMALL, *gone)
    assert np.array_equal(read(path, points=5), read(other, points=5))


@given(st.integers(0, 8), st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.parametrize("normalize", ["shoulders", "hands"])
def test_two_spans_of_a_file_agree(tmp_path: Path, normalize: str, start: int, length: int) -> None:
    path = poses.write(tmp_path / "a.pose", poses.REDUCED, *poses.random_body(poses.REDUCED, 9))
    end = min(start + length, 9)
    part = read(path, 40 * start, 40 * end, normalize=normalize)
    assert np.array_equal(part, read(path, normalize=normalize)[start:end])


def hand(frames: int = 6, dims: int = 3) -> np.ndarray:
    return np.random.default_rng(1).normal(100, 30, (frames, 21, dims))


@pytest.mark.parametrize("dims", [2, 3])
def test_hands_know_neither_place_nor_size(dims: int) -> None:
    original = hand(dims=dims)
    assert np.allclose(by_wrist(original * 3 + 50), by_wrist(original))
    points = by_wrist(original)
    assert np.allclose(points[:, 0].mean(0), 0)
    assert np.isclose(np.linalg.norm(points[:, [5, 9, 13, 17]], axis=-1).mean(), 1)
    sizes = np.linalg.norm(original[:, [5, 9, 13, 17]] - original[:, :1], axis=-1)
    assert np.allclose(points[:, 7] * sizes.mean(), original[:, 7] - original[:, 0])


def test_the_mouth_knows_neither_place_nor_size(tmp_path: Path) -> None:
    """Nor what the rest of the face does; the lips in the order that is told, from FACE's names."""
    face = poses.REDUCED["FACE_LANDMARKS"]
    coordinates, confidence = poses.random_body(poses.REDUCED, 6)
    confidence[:] = 1
    write = partial(poses.write, components=poses.REDUCED, confidence=confidence)
    values = read(write(tmp_path / "a.pose", coordinates=coordinates), normalize="mouth")
    start = sum(len(poses.REDUCED[name]) for name in list(poses.REDUCED)[:1])
    points = {name: coordinates[:, 0, start + place] for place, name in enumerate(face)}
    distance = np.linalg.norm(points["33"] - points["263"], axis=-1).mean()
    lips = np.stack([points[name] for name in LIPS], 1)
    assert np.allclose(values[..., :3], (lips - lips.mean(1)[:, None]) / distance, atol=1e-5)
    moved = read(write(tmp_path / "b.pose", coordinates=coordinates * 2 + 9), normalize="mouth")
    assert np.allclose(moved, values, atol=1e-5)
    some = read(tmp_path / "a.pose", normalize="mouth", stride=2)
    assert np.array_equal(some, values[::2])  # in the measure of the whole file


def test_a_frame_without_a_point_of_the_lips_is_missing(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.REDUCED, 6)
    confidence[:] = 1
    confidence[3, 0, 8 + poses.REDUCED["FACE_LANDMARKS"].index("61")] = 0
    path = poses.write(tmp_path / "a.pose", poses.REDUCED, coordinates, confidence)
    seen = read(path, normalize="mouth", coordinates=2)[..., -1]
    assert seen.all(1).tolist() == [True, True, True, False, True, True]
    assert not seen[3].any()


def test_the_lips_are_twice_twenty_points_of_the_contours() -> None:
    assert len(set(LIPS)) == 40
    assert {*LIPS, *EYES} <= {*poses.REDUCED["FACE_LANDMARKS"]}


def two_hands(path: Path, left: np.ndarray, right: np.ndarray, seen: tuple[int, int]) -> Path:
    """A file with both hands, each visible in its first so many frames."""
    components = {"LEFT_HAND_LANDMARKS": poses.REDUCED["LEFT_HAND_LANDMARKS"],
                  "RIGHT_HAND_LANDMARKS": poses.REDUCED["RIGHT_HAND_LANDMARKS"]}  # fmt: skip
    confidence = np.zeros((len(left), 1, 42), np.float32)
    confidence[: seen[0], :, :21] = confidence[: seen[1], :, 21:] = 1
    coordinates = np.concatenate([left, right], 1).astype(np.float32)[:, None]
    return poses.write(path, components, coordinates, confidence)


def test_a_left_hand_is_read_as_the_right_hand_in_the_mirror(tmp_path: Path) -> None:
    right = hand()
    left = mirrored(right) + 500
    more_left = two_hands(tmp_path / "left.pose", left, right[::-1], (6, 2))
    more_right = two_hands(tmp_path / "right.pose", left[::-1], right, (2, 6))
    one = read(more_left, normalize="hands", dominant=True)
    other = read(more_right, normalize="hands", dominant=True)
    assert one.shape == (6, 21, 4)
    assert np.allclose(one, other, atol=1e-3)
    both = read(two_hands(tmp_path / "both.pose", left, right, (6, 6)), normalize="hands")
    points = both.shape[1] // 2
    assert np.allclose(both[:, :points, :3], mirrored(both[:, points:, :3]), atol=1e-3)


# Which points


@pytest.mark.parametrize("face", [468, 478])
def test_a_full_holistic_is_reduced_as_pose_format_does(tmp_path: Path, face: int) -> None:
    full = {**poses.FULL, "FACE_LANDMARKS": [str(number) for number in range(face)]}
    path = poses.write(tmp_path / "a.pose", full, *poses.random_body(full, 3))
    values = read(path, presence=False)
    expected = normalised_by_library(reduce_holistic(poses.library(path)))
    assert values.shape == (3, 178, 3)
    assert np.allclose(values, expected, atol=1e-5)
    points = face + 33 + 42 + 33
    assert read(path, reduce=False, points=points).shape[1] == points


def test_a_reduced_file_stays_as_it_is(tmp_path: Path) -> None:
    body = poses.random_body(poses.REDUCED, 3)
    path = poses.write(tmp_path / "a.pose", poses.REDUCED, *body)
    assert np.array_equal(read(path, normalize="none", presence=False), body[0][:, 0])


def test_components_are_kept_in_the_order_asked_for(tmp_path: Path) -> None:
    body = poses.random_body(poses.FULL, 3)
    path = poses.write(tmp_path / "a.pose", poses.FULL, *body)
    names = ("RIGHT_HAND_LANDMARKS", "POSE_LANDMARKS")
    values = read(path, points=29, components=names, presence=False)
    whole = read(path, presence=False)  # normalised by the shoulders, kept or not
    assert np.array_equal(values, np.concatenate([whole[:, 157:], whole[:, :8]], 1))
    with pytest.raises(SignalError, match=r'no component "HANDS"; it holds POSE_LANDMARKS 33 \+'):
        read(path, components=("HANDS",))


@pytest.mark.parametrize(
    ("components", "dims", "config", "said"),
    [
        (poses.SMALL, 3, {}, r"178 points of 3 .* it has 5 of 3; write points = 5; it holds POSE"),
        (poses.SMALL, 2, {"points": 5}, r"it has 5 of 2; write coordinates = 2;"),
        ({"HEAD": ["NOSE"]}, 2, {}, 'write points = 1, coordinates = 2, normalize = "none"'),
        ({"HEAD": ["NOSE"]}, 3, {"points": 1}, 'it has no shoulders; write normalize = "none"'),
        (poses.SMALL, 3, {"normalize": "hands"}, "it has not both hands; it holds"),
        ({"HEAD": ["NOSE"]}, 3, {"normalize": "hands"}, "it holds HEAD 1"),
        ({"BODY_135": ["Nose"]}, 3, {"normalize": "hands"}, r"Unsupported .* it holds BODY_135"),
        (poses.REDUCED, 2, {"normalize": "hands"}, "have no z; write coordinates = 2"),
        (poses.REDUCED, 2, {"normalize": "mouth"}, "have no z; write coordinates = 2"),
        (poses.SMALL, 3, {"normalize": "mouth"}, "it has not the points of a face mesh"),
    ],
)  # fmt: skip
def test_another_layout_is_refused_with_what_to_write(
    tmp_path: Path, components: poses.Components, dims: int, config: dict[str, Any], said: str
) -> None:
    path = poses.write(
        tmp_path / "a.pose", components, *poses.random_body(components, 3, dims=dims)
    )
    with pytest.raises(SignalError, match=said):
        read(path, **config)


def test_one_hand_alone_is_the_dominant_one(tmp_path: Path) -> None:
    components = {"RIGHT_HAND_LANDMARKS": poses.REDUCED["RIGHT_HAND_LANDMARKS"]}
    path = poses.write(tmp_path / "a.pose", components, *poses.random_body(components, 3))
    assert read(path, normalize="hands", dominant=True).shape == (3, 21, 4)
    with pytest.raises(SignalError, match="write dominant = true"):
        read(path, normalize="hands")


# Time


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


# What is refused


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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
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
