"""The ways between a hand's joints, against the formulas a joint at a time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.handshape.spec import SPEC, HandshapeConfig
from slp_encoders.processors.pose import spec as pose

CHAINS = [[0, *range(start, start + 4)] for start in (1, 5, 9, 13, 17)]  # thumb to little finger
TIPS = [4, 8, 12, 16, 20]


def encode(points: Tensor, **config: Any) -> Tensor:
    """``t h 21 channels`` to ``t h d``."""
    part = SPEC.load()(HandshapeConfig(hands=points.shape[1], **config))  # type: ignore[arg-type]
    output = part(Sequence.pad([points.flatten(1)], [25.0]))
    return output.values[0].reshape(*points.shape[:2], -1)


def hands(count: int, channels: int, steps: int = 4) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(steps, count, 21, channels)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("axes", [2, 3])
def test_each_way_by_hand(count: int, axes: int) -> None:
    points = hands(count, axes)
    output = encode(points, coordinates=axes, presence=False, soft=0.3)
    for step in range(len(points)):
        for hand in range(count):
            place = points[step, hand].tolist()
            expected, place[0] = [*place[0]], [0.0] * axes
            for chain in CHAINS:
                for before, joint in pairwise(chain):
                    way = [b - a for a, b in zip(place[before], place[joint], strict=True)]
                    expected += [w / math.sqrt(sum(v * v for v in way) + 0.09) for w in way]
            pairs = [(a, b) for k, a in enumerate(TIPS) for b in TIPS[k + 1 :]]
            pairs += [(joint, 4) for joint in range(5, 21) if joint not in TIPS]
            expected += [math.dist(place[a], place[b]) for a, b in pairs]
            assert output[step, hand].tolist() == pytest.approx(expected, abs=1e-5)


def test_the_shape_alone_is_all_but_the_path() -> None:
    points = hands(2, 4)
    shape = encode(points, path=False)
    assert torch.equal(shape, encode(points)[..., 3:])
    assert shape.shape[-1] == HandshapeConfig(path=False).gives / 2


def test_turning_a_hand_turns_its_bones() -> None:
    points = hands(1, 2)
    angle = torch.tensor(0.7)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
    straight = encode(points, coordinates=2, presence=False)[:, 0]
    turned = encode(points @ turn, coordinates=2, presence=False)[:, 0]
    assert torch.allclose(turned[:, 42:], straight[:, 42:], atol=1e-5)
    bones = straight[:, :42].unflatten(1, (21, 2))
    assert torch.allclose(turned[:, :42].unflatten(1, (21, 2)), bones @ turn, atol=1e-5)


def test_joints_in_one_place_are_no_way_apart() -> None:
    points = hands(1, 3).requires_grad_()
    output = encode(torch.zeros_like(points) * points, presence=False)
    assert not output.any()
    output.sum().backward()
    assert points.grad is not None and points.grad.isfinite().all()


def test_what_is_not_seen_is_zero() -> None:
    points = hands(1, 4)
    points[..., 3] = 1
    whole = encode(points)[:, 0]
    points[1, 0, 6, 3] = 0  # a joint of the second finger
    part = encode(points)[:, 0]
    changed = (part != whole).nonzero().tolist()
    bones = [3 * joint + axis for joint in (6, 7) for axis in range(3)]  # to it and from it
    assert changed == [[1, place] for place in [*bones, 63 + 10 + 1]]
    assert not part[1, bones].any()
    points[..., 0, 3] = 0
    assert not encode(points)[..., :3].any()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 5))
def test_padding_changes_nothing(lengths: list[int], more: int) -> None:
    part = SPEC.load()(HandshapeConfig())
    clips = [torch.randn(length, 2 * 21 * 4) for length in lengths]
    assert_padding_changes_nothing(part, clips, extra=more)


def test_types() -> None:
    inputs = pose.signature(pose.PoseConfig(normalize="hands"), "pose")
    assert SPEC.signature(HandshapeConfig(), inputs)["d"] == 2 * (21 * 3 + 22)
    with pytest.raises(TypeMismatch, match="d = 168"):
        SPEC.signature(HandshapeConfig(coordinates=2), inputs)
    with pytest.raises(TypeMismatch, match="pose is needed"):
        SPEC.signature(HandshapeConfig(), TensorType("b t d", {"d": 168}))
