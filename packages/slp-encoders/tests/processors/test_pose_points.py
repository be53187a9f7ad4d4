"""Which points of a ``.pose`` file are read, and how they are normalised."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pose_format.utils.generic import reduce_holistic

from slp_core.signals import SignalError
from slp_encoders.processors.pose.lips import EYES, LIPS
from slp_encoders.processors.pose.normalise import by_wrist, mirrored

from . import poses
from .poses import read, small


def normalised_by_library(pose: Any, coordinates: int = 3) -> np.ndarray:
    """pose-format's own normalisation, missing points zero."""
    pose.body.data = pose.body.data.astype(np.float64)[..., :coordinates]
    return np.asarray(pose.normalize().body.data.filled(0))[:, 0]


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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
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
