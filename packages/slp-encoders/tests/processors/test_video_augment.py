"""Random variants of clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from slp_core.signals import Signal
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import AugmentConfig, VideoConfig

ALL = {"crop": 0.3, "mirror": True, "rotate": 10.0, "scale": 0.2, "shift": 0.1,
       "brightness": 0.3, "contrast": 0.3}  # fmt: skip


def clip(frames: int = 3, size: int = 32) -> np.ndarray:
    """``t c h w`` of large spots that differ from frame to frame."""
    rng = np.random.default_rng(0)
    return (
        rng.integers(0, 255, (frames, 3, 4, 4), np.uint8).repeat(size // 4, 2).repeat(size // 4, 3)
    )


def variant(values: np.ndarray, seed: int = 0, **augment: Any) -> np.ndarray:
    reader = VideoReader(VideoConfig(size=values.shape[-1], augment=AugmentConfig(**augment)))
    made = reader.augment(Signal(values, 25.0), np.random.default_rng(seed))
    assert made.rate == 25.0
    assert made.values.dtype == np.uint8 and made.values.shape == values.shape
    return made.values


def test_without_a_word_nothing_changes() -> None:
    signal = Signal(clip(), 25.0)
    assert VideoReader(VideoConfig()).augment(signal, np.random.default_rng(0)) is signal
    assert np.array_equal(variant(clip()), clip())


def test_the_clip_itself_is_left_alone() -> None:
    values = clip()
    variant(values, **ALL)
    assert np.array_equal(values, clip())


@pytest.mark.parametrize("key", ALL)
def test_every_key_draws_anew_each_time(key: str) -> None:
    made = [variant(clip(), seed, **{key: ALL[key]}).tobytes() for seed in range(8)]
    assert len(set(made)) == (2 if key == "mirror" else 8)
    assert variant(clip(), 3, **{key: ALL[key]}).tobytes() == made[3]


@pytest.mark.parametrize("seed", range(4))
def test_all_frames_of_a_clip_are_changed_alike(seed: int) -> None:
    still = clip()[[0, 0, 0]]
    made = variant(still, seed, **ALL)
    assert np.array_equal(made, made[[0, 0, 0]]) and not np.array_equal(made, still)
    # and a frame by itself as in its clip
    assert np.array_equal(variant(clip(), seed, **ALL)[1:2], variant(clip()[1:2], seed, **ALL))


def test_a_mirror_turns_left_to_right() -> None:
    made = [variant(clip(), seed, mirror=True) for seed in range(8)]
    assert all(np.array_equal(m, clip()) or np.array_equal(m, clip()[..., ::-1]) for m in made)


def test_a_crop_is_a_window_of_the_picture() -> None:
    """A ramp along x and y stays one, with its values from inside, at most 1 / (1 - crop) finer."""
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8) * 3, (2, 3, 64, 64)).copy()
    ramp[:, 1] = ramp[:, 1].transpose(0, 2, 1)
    for seed in range(8):
        made = variant(ramp, seed, crop=0.5).astype(int)
        across, down = made[0, 0, 32], made[0, 1, :, 32]
        for line in (across, down):
            assert (np.diff(line) >= 0).all()
            assert 90 <= line[-1] - line[0] <= 189
    assert {int(variant(ramp, seed, crop=0.5)[0, 0, 0, 0]) for seed in range(8)} != {0}


def test_brightness_multiplies_and_contrast_spreads_about_the_mean() -> None:
    values = clip() // 4 + 60
    for seed in range(4):
        light = variant(values, seed, brightness=0.2).astype(float)
        factor = light.sum() / values.sum()
        assert np.abs(light - factor * values).max() < 1.5
        spread = variant(values, seed, contrast=0.2).astype(float)
        assert np.corrcoef(spread[0].ravel(), values[0].ravel())[0, 1] > 0.999
        assert spread.mean() == pytest.approx(values.mean(), abs=3)


def spot(**augment: Any) -> np.ndarray:
    """Where a soft spot, 16 pixels right of the centre, goes in 100 variants: ``100 2``, x and y
    in pixels from the centre."""
    y, x = np.mgrid[:64, :64] - 31.5
    light = 250 * np.exp(-((x - 16) ** 2 + y**2) / 8)
    values = np.broadcast_to(light.astype(np.uint8), (1, 3, 64, 64)).copy()
    made = np.stack([variant(values, seed, **augment)[0, 0] for seed in range(100)]).astype(float)
    weights = made / made.sum((1, 2), keepdims=True)
    return np.stack([(weights * x).sum((1, 2)), (weights * y).sum((1, 2))], -1)


def test_the_deviations_are_those_asked_for() -> None:
    turned = spot(rotate=10.0)
    angles = np.degrees(np.arctan2(turned[:, 1], turned[:, 0]))
    assert angles.std() == pytest.approx(10, rel=0.2) and abs(angles.mean()) < 3
    assert np.linalg.norm(turned, axis=-1) == pytest.approx(16, abs=0.5)
    scaled = spot(scale=0.1)
    assert np.log(scaled[:, 0] / 16).std() == pytest.approx(0.1, rel=0.2)
    assert scaled[:, 1] == pytest.approx(0, abs=0.3)
    shifted = spot(shift=0.05) - (16, 0)
    assert shifted.std(0) == pytest.approx(np.full(2, 0.05 * 64), rel=0.2)
    assert abs(np.corrcoef(shifted.T)[0, 1]) < 0.3


def test_one_key_does_not_change_what_another_draws() -> None:
    turned = variant(clip(), 5, rotate=10.0)
    lit = variant(clip(), 5, rotate=10.0, brightness=1e-6)
    assert np.abs(lit.astype(int) - turned).max() <= 1  # torchvision rounds down
    both = variant(clip(), 5, rotate=10.0, mirror=True)
    assert np.array_equal(both, turned) or np.array_equal(both, turned[..., ::-1])


def test_the_help_warns_of_mirrors() -> None:
    from attrs import fields

    assert AugmentConfig().mirror is False
    assert "another sign" in fields(AugmentConfig).mirror.metadata["help"]
