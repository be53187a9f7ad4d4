"""Drawings of poses: what is seen is drawn, inside the box, and nothing else."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from slp_core.signals import Signal
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig

CONFIGS = [
    PoseConfig(),
    PoseConfig(coordinates=2, presence=False),
    PoseConfig(points=5, coordinates=2),
    PoseConfig(normalize="hands"),
    PoseConfig(normalize="hands", dominant=True),
    PoseConfig(normalize="hands", coordinates=2, presence=False),
]


def signal(config: PoseConfig, steps: int, seen: bool = True) -> Signal:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(steps, config.kept, config.coordinates + config.presence))
    if config.presence:
        values[..., -1] = seen
    return Signal((values * seen).reshape(steps, -1).astype(np.float32), 25.0)


def numbers(frame: str) -> list[float]:
    drawn = "".join(re.findall(r' d="([^"]*)"', frame))
    return [float(number) for number in re.findall(r"-?\d+\.\d", drawn)]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_frames_are_svg_inside_the_box(config):
    frames = PoseReader(config).sketch(signal(config, 8))
    assert len(frames) == 8
    for frame in frames:
        ElementTree.fromstring(f"<svg>{frame}</svg>")
        assert "currentColor" in frame
        assert numbers(frame)
    drawn = [number for frame in frames for number in numbers(frame)]
    assert min(drawn) == pytest.approx(4)
    assert max(drawn) == pytest.approx(96)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_nothing_seen_nothing_drawn(config):
    assert PoseReader(config).sketch(signal(config, 20, seen=False)) == []


def test_short_clips_have_fewer_frames():
    reader = PoseReader(PoseConfig())
    assert len(reader.sketch(signal(reader.config, 3))) == 3
    assert len(reader.sketch(signal(reader.config, 50), frames=5)) == 5


def test_missing_points_are_left_out():
    reader = PoseReader(PoseConfig(points=5, coordinates=2))
    one = signal(reader.config, 1)
    values = one.values.reshape(1, 5, 3)
    whole = numbers(reader.sketch(one)[0])
    values[0, 2] = 0
    left = numbers(reader.sketch(one)[0])
    assert len(whole) == 10 and len(left) == 8


def test_two_hands_lie_beside_each_other():
    config = PoseConfig(normalize="hands", coordinates=2)
    one = signal(config, 6)
    for frame in PoseReader(config).sketch(one):
        xs = np.array(numbers(frame)[::2]).reshape(2, -1)  # limbs of the left hand, of the right
        assert xs[0].max() < xs[1].min()
