"""Random variants of poses."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pose_format
import pytest

from slp_core.signals import Clip, Signal, SignalError
from slp_encoders.processors.pose.mirror import (
    FACE_MIDDLE,
    FACE_PAIRS,
    HOLISTIC,
    hands_mirror,
    holistic_mirror,
)
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import AugmentConfig, PoseConfig

from . import poses


def reader(augment: dict[str, Any], **config: Any) -> PoseReader:
    return PoseReader(PoseConfig(augment=AugmentConfig(**augment), **config))


def clip(points: int = 178, frames: int = 40, presence: bool = True, seed: int = 0) -> np.ndarray:
    """``t p 4``, a tenth of the points missing; ``t p 3`` without presence."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (frames, points, 3)).astype(np.float32)
    seen = rng.random((frames, points, 1)) > 0.1
    return np.concatenate([values * seen, seen], -1)[..., : 3 + presence].astype(np.float32)


def variant(values: np.ndarray, seed: int = 0, *, config: PoseConfig | None = None,
            **augment: Any) -> np.ndarray:  # fmt: skip
    config = config or PoseConfig(augment=AugmentConfig(**augment))
    signal = Signal(values.reshape(len(values), -1), 25.0)
    made = PoseReader(config).augment(signal, np.random.default_rng(seed))
    assert made.values.dtype == np.float32
    assert made.rate == 25.0 or augment.keys() & {"speed", "crop"}
    return made.values.reshape(len(made.values), values.shape[1], -1)


ALL = {"mirror": True, "rotate": 10, "scale": 0.1, "stretch": 0.1, "shear": 0.1, "shift": 0.1,
       "noise": 0.01, "speed": 0.2, "crop": 0.2, "drop": 0.2}  # fmt: skip


def test_without_a_word_nothing_changes() -> None:
    values = clip()
    signal = Signal(values.reshape(40, -1), 25.0)
    assert PoseReader(PoseConfig()).augment(signal, np.random.default_rng(0)) is signal
    assert np.array_equal(variant(values), values)


def test_a_variant_hangs_on_its_seed_alone() -> None:
    assert np.array_equal(variant(clip(), 3, **ALL), variant(clip(), 3, **ALL))
    assert variant(clip(), 3, **ALL).tobytes() != variant(clip(), 4, **ALL).tobytes()


@pytest.mark.parametrize("key", ALL)
def test_every_key_has_an_effect_and_leaves_the_missing_zero(key: str) -> None:
    for seed in range(4):
        made = variant(clip(), seed, **{key: ALL[key]})
        assert not made[made[..., 3] == 0].any()
        assert set(np.unique(made[..., 3])) <= {0, 1}
    made = [variant(clip(), seed, **{key: ALL[key]}).tobytes() for seed in range(8)]
    assert len(set(made)) > 1


def test_without_a_presence_channel_a_missing_point_is_one_at_zero() -> None:
    values = clip(presence=False)
    config = PoseConfig(presence=False, augment=AugmentConfig(shift=1.0))
    made = variant(values, config=config)
    assert np.array_equal(made.any(-1), values.any(-1))


def test_turning_keeps_distances_and_depth() -> None:
    values = clip()
    made = variant(values, rotate=20)
    both = (values[..., 3] > 0).all(0)
    before, after = values[:, both, :3], made[:, both, :3]
    assert not np.allclose(before, after, atol=0.1)
    assert np.allclose(np.linalg.norm(before, axis=-1), np.linalg.norm(after, axis=-1), atol=1e-4)
    assert np.array_equal(made[..., 2], values[..., 2])


def test_the_deviations_are_the_deviations() -> None:
    point = np.ones((1, 178, 4), np.float32)
    point[..., 1:3] = 0  # at x = 1
    made = np.stack([variant(point, seed, rotate=10)[0, 0, :2] for seed in range(400)])
    assert np.degrees(np.arctan2(made[:, 1], made[:, 0])).std() == pytest.approx(10, rel=0.15)
    made = np.stack([variant(point, seed, scale=0.1)[0, 0, 0] for seed in range(400)])
    assert np.log(made).std() == pytest.approx(0.1, rel=0.15)
    made = np.stack(
        [variant(point[..., [1, 0, 2, 3]], seed, shear=0.1)[0, 0] for seed in range(400)]
    )
    assert made[:, 0].std() == pytest.approx(0.1, rel=0.15)
    assert (made[:, 1:3] == [1, 0]).all()  # at y = 1
    made = np.stack([variant(point, seed, shift=0.1)[0, 0] for seed in range(400)])
    assert made[:, :3].std(0) == pytest.approx([0.1] * 3, rel=0.15)
    still = np.repeat(point, 200, 0)
    made = variant(still, noise=0.1)[..., :3] - still[..., :3]
    assert made.mean(0).std() == pytest.approx(0.1, rel=0.15)  # over the clip
    assert (made - made.mean(0)).std() == pytest.approx(0.05, rel=0.15)  # in each frame


def test_time_is_a_straight_way_between_the_frames() -> None:
    line = np.ones((50, 178, 4), np.float32)
    line[..., :3] = np.arange(50)[:, None, None]
    for seed in range(20):
        made = variant(line, seed, speed=0.3, crop=0.4)
        steps = np.diff(made[:, 0, 0])
        assert np.allclose(steps, steps[0], atol=1e-4)
        assert 1 / 1.4 < steps[0] < 1 / 0.65
        assert made[0, 0, 0] >= 0 and made[-1, 0, 0] <= 49
        assert (made[..., 3] == 1).all()
    lengths = {len(variant(line, seed, speed=0.3)) for seed in range(50)}
    assert min(lengths) >= 38 and max(lengths) <= 72 and len(lengths) > 10


@pytest.mark.parametrize("crop", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_slower_keeps_the_clock_of_the_clip(seed: int, crop: float) -> None:
    """So that spans, and streams that are not slower, are found at the same time as before, but
    for what is cut off in front."""
    line = np.ones((100, 178, 4), np.float32)
    line[..., :3] = np.arange(100)[:, None, None]  # how many 25ths of a second have passed
    config = PoseConfig(augment=AugmentConfig(speed=0.3, crop=crop))
    signal = Signal(line.reshape(100, -1), 25.0)
    made = PoseReader(config).augment(signal, np.random.default_rng(seed))
    passed = made.values.reshape(len(made.values), 178, 4)[:, 0, 0] / 25
    assert np.allclose(np.arange(len(passed)) / made.rate, passed - passed[0], atol=0.02)
    assert len(passed) / made.rate == pytest.approx(passed[-1] - passed[0] + 1 / 25, rel=1e-4)
    assert made.rate != 25.0 and (crop or passed[0] == 0)


def test_a_window_that_shows_nothing_is_not_taken() -> None:
    values = clip()
    values[1:] = 0
    signal, read = Signal(values.reshape(40, -1), 25.0), reader({"crop": 0.9})
    made = [read.augment(signal, np.random.default_rng(seed)) for seed in range(20)]
    whole = [one for one in made if len(one.values) == 40]
    assert whole and all(one.values.any() for one in made)
    assert all(one.rate == 25.0 and np.array_equal(one.values, signal.values) for one in whole)


def test_a_point_that_one_frame_misses_is_not_drawn_to_zero() -> None:
    values = np.full((30, 178, 4), 5.0, np.float32)
    values[..., 3] = 1
    values[::3] = 0
    made = variant(values, speed=0.3)
    assert (made[made[..., 3] > 0][:, :3] == 5).all()


def test_some_frame_always_stays() -> None:
    assert variant(clip(frames=1), drop=1.0)[..., 3].any()
    for seed in range(20):
        made = variant(clip(frames=1), seed, speed=0.99, crop=0.9)
        assert len(made) >= 1 and (made == clip(frames=1)).all()
    dropped = variant(clip(frames=400), drop=0.25)[..., 3].any(1)
    assert dropped.mean() == pytest.approx(0.75, abs=0.07)


# Mirrors


def test_the_mirrored_points_are_those_of_pose_format() -> None:
    """Its table stands in a module that needs mediapipe: it is read, not imported."""
    source = Path(pose_format.__file__).parent / "utils" / "holistic.py"
    for statement in ast.parse(source.read_text()).body:
        if isinstance(statement, ast.Assign) and "FLIPPED_FACE" in ast.unparse(statement.targets):
            table = ast.literal_eval(statement.value)
    assert {*FACE_PAIRS} == {(a, table[a]) for a, _ in FACE_PAIRS}
    assert all(table[point] == point for point in FACE_MIDDLE)
    assert len(HOLISTIC) == len(set(HOLISTIC)) == 178


def test_two_mirrors_show_the_original() -> None:
    for mirror in (holistic_mirror(), hands_mirror()):
        assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    shown = [HOLISTIC[index] for index in holistic_mirror()]
    assert shown[0] == ("POSE_LANDMARKS", "RIGHT_SHOULDER")
    assert shown[HOLISTIC.index(("LEFT_HAND_LANDMARKS", "THUMB_TIP"))] == (
        "RIGHT_HAND_LANDMARKS", "THUMB_TIP")  # fmt: skip


@pytest.mark.parametrize("normalize", ["shoulders", "hands"])
def test_a_mirrored_clip_is_the_clip_of_a_mirrored_signer(tmp_path: Path, normalize: str) -> None:
    coordinates, confidence = poses.random_body(poses.REDUCED, 5)
    path = poses.write(tmp_path / "a.pose", poses.REDUCED, coordinates, confidence)
    swapped = coordinates[:, :, holistic_mirror()] * np.array([-1, 1, 1]) + [640, 0, 0]
    other = poses.write(tmp_path / "b.pose", poses.REDUCED, swapped.astype(np.float32),
                        confidence[:, :, holistic_mirror()])  # fmt: skip
    read = reader({"mirror": True}, normalize=normalize)
    one, mirrored = (read.read(Clip(str(file))) for file in (path, other))
    made = [read.augment(one, np.random.default_rng(seed)).values for seed in range(8)]
    same = [np.allclose(values, one.values, atol=1e-4) for values in made]
    turned = [np.allclose(values, mirrored.values, atol=1e-4) for values in made]
    assert any(turned) and any(same)
    assert all(left != right for left, right in zip(same, turned, strict=True))


def test_a_real_face_is_near_its_mirror(shared_data: Path) -> None:
    read, swap = PoseReader(PoseConfig(presence=False)), holistic_mirror()[8:136] - 8
    for file in sorted((shared_data / "dgs_sentences").glob("*.pose")):
        values = read.read(Clip(str(file))).values.reshape(-1, 178, 3)
        face = values.mean(0)[8:136, :2]
        face = face - face.mean(0)
        turned = np.abs(face - face[swap] * [-1, 1]).mean()
        assert turned < 0.6 * np.abs(face - face * [-1, 1]).mean()  # points that stay in place


def test_another_layout_is_not_mirrored(tmp_path: Path) -> None:
    components = {"P": [f"X{number}" for number in range(178)]}
    path = poses.write(tmp_path / "a.pose", components, *poses.random_body(components, 2))
    with pytest.raises(SignalError, match="no shoulders"):
        reader({"mirror": True}).read(Clip(str(path)))
    components = {name: points[::-1] for name, points in poses.REDUCED.items()}
    poses.write(path, components, *poses.random_body(components, 2))
    with pytest.raises(SignalError, match=r"augment\.mirror knows a reduced MediaPipe Holistic"):
        reader({"mirror": True}).read(Clip(str(path)))


@pytest.mark.parametrize(
    ("augment", "config", "said"),
    [
        ({"shift": 0.1}, {"normalize": "hands"}, "off their origin"),
        ({"rotate": 5}, {"normalize": "none"}, "need normalised points"),
        ({"mirror": True}, {"normalize": "hands", "dominant": True}, "is a right hand"),
        ({"mirror": True}, {"points": 137}, "the 178 points"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    augment: dict[str, Any], config: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        reader(augment, **config)
