"""Concatenation against a loop over samples, with its static and its late checks."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import Rate, Size, Symbol, TensorType, TypeMismatch
from slp_fusion.fusions.concat.spec import SPEC, ConcatConfig
from slp_fusion.fusions.resampling import resample

sign = SPEC.signature
assert sign is not None
lengths = st.lists(st.integers(1, 9), min_size=3, max_size=3)


def fusion(axis: str, resampled: bool = False, **streams: TensorType):
    return SPEC.load()(ConcatConfig(axis, resampled), Context(streams=streams)).eval()


def stream(samples: list[torch.Tensor], extra: int = 0) -> Sequence:
    """Padded by ``extra`` steps more than needed, with rubbish in all padding."""
    steps = max(len(sample) for sample in samples) + extra
    mask = lengths_to_mask(torch.tensor([len(sample) for sample in samples]), steps)
    values = torch.full((len(samples), steps, samples[0].shape[1]), math.nan)
    values[mask] = torch.cat(samples)
    return Sequence(values, mask, torch.full((len(samples),), 25.0))


@settings(max_examples=40)
@given(a=lengths, b=lengths, c=lengths, extra=st.integers(0, 3))
def test_in_time_the_valid_steps_follow_each_other(
    a: list[int], b: list[int], c: list[int], extra: int
) -> None:
    samples = {
        name: [torch.randn(n, 4) for n in ns] for name, ns in zip("abc", (a, b, c), strict=True)
    }
    output = fusion("time")({name: stream(each, extra) for name, each in samples.items()})
    assert output.lengths.tolist() == [sum(each) for each in zip(a, b, c, strict=True)]
    assert output.values.shape[1] == max(output.lengths)
    assert torch.equal(output.mask, lengths_to_mask(output.lengths))
    for number, length in enumerate(output.lengths):
        expected = torch.cat([samples[name][number] for name in "abc"])
        assert torch.equal(output.values[number, :length], expected)
    assert output.rate.isnan().all()


@settings(max_examples=40)
@given(lengths=lengths, extra=st.integers(0, 3))
def test_in_channels_each_step_is_joined(lengths: list[int], extra: int) -> None:
    left = [torch.randn(n, 4) for n in lengths]
    right = [torch.randn(n, 3) for n in lengths]
    output = fusion("channel")({"left": stream(left, extra), "right": stream(right)})
    assert output.lengths.tolist() == lengths
    for number, length in enumerate(lengths):
        expected = torch.cat([left[number], right[number]], dim=1)
        assert torch.equal(output.values[number, :length], expected)
    assert output.rate.tolist() == [25.0] * 3


def test_in_channels_a_sample_of_two_lengths_is_refused() -> None:
    streams = {
        "hands": stream([torch.randn(n, 4) for n in (5, 7)]),
        "lips": stream([torch.randn(n, 4) for n in (5, 6)]),
    }
    with pytest.raises(UserError, match=r'"hands" and "lips".* sample 1 .* 7 and 6 steps'):
        fusion("channel")(streams)


def test_in_channels_others_may_be_brought_to_the_steps_of_the_first() -> None:
    hands = stream([torch.randn(n, 4) for n in (5, 7)])
    lips = stream([torch.randn(n, 3) for n in (9, 6)], extra=2)
    output = fusion("channel", resampled=True)({"hands": hands, "lips": lips})
    expected = torch.cat([hands.values, resample(lips, hands).values], dim=2)
    assert torch.equal(output.steps, expected[hands.mask]) and output.steps.isfinite().all()
    assert output.lengths.tolist() == [5, 7]
    slow = typed(3, rate=Rate() / 4)
    assert sign(ConcatConfig("channel", True), {"hands": typed(4), "lips": slow})["d"] == 7
    with pytest.raises(ValueError, match='for axis = "channel"'):
        ConcatConfig("time", True)


def test_gradients_reach_every_stream() -> None:
    for axis in ("time", "channel"):
        leaves = {name: torch.randn(2, 5, 4, requires_grad=True) for name in "ab"}
        mask = lengths_to_mask(torch.tensor([5, 3]))
        streams = {n: Sequence(leaf, mask, torch.ones(2)) for n, leaf in leaves.items()}
        output = fusion(axis)(streams)
        output.values[output.mask].sum().backward()
        for leaf in leaves.values():
            assert torch.equal(leaf.grad, mask[..., None].expand_as(leaf).float())


def typed(width: int | Symbol, **changes: object) -> TensorType:
    return TensorType("b t d", {"d": width}, **changes)


def test_types_in_time() -> None:
    output = sign(ConcatConfig("time"), {"a": typed(8), "b": typed(8, rate=Rate() / 4)})
    assert output["d"] == 8 and output.rate is None and output.modality is None
    width = Symbol("d")
    output = sign(ConcatConfig("time"), {"a": typed(width), "b": typed(8)})
    assert output["d"] == 8 and int(width.resolve()) == 8
    wide, narrow = Size(512, "dim", "streams.a.mapper"), Size(256, "dim", "streams.b.mapper")
    with pytest.raises(TypeMismatch) as caught:
        sign(ConcatConfig("time"), {"a": typed(wide), "b": typed(narrow)})
    for word in ('"b"', "512", "256", "streams.a.mapper.dim", "streams.b.mapper.dim"):
        assert word in str(caught.value)


def test_types_in_channels() -> None:
    output = sign(ConcatConfig("channel"), {"a": typed(8), "b": typed(3)})
    assert output["d"] == 11 and output.rate == Rate()
    with pytest.raises(TypeMismatch, match=r'"a" has rate of the clip .*"b" has .* / 4'):
        sign(ConcatConfig("channel"), {"a": typed(8), "b": typed(8, rate=Rate() / 4)})
    with pytest.raises(TypeMismatch, match="no clock"):
        sign(ConcatConfig("channel"), {"a": typed(8, rate=None), "b": typed(8)})


def test_a_width_only_weights_can_tell_is_told_once_built() -> None:
    streams = {"a": typed(Symbol("d")), "b": typed(3)}
    output = sign(ConcatConfig("channel"), streams)
    assert isinstance(output["d"], Symbol)
    streams["a"].expect("b t d", d=8)  # as when its encoder has been built
    assert fusion("channel", **streams).sizes() == {"d": 11}
    assert fusion("time", **streams).sizes() == {}


def test_what_is_no_sequence_of_vectors_is_refused() -> None:
    frames = TensorType("b t c h w", dtype="uint8")
    for axis in ("time", "channel"):
        with pytest.raises(TypeMismatch, match='"b" gives `b t c h w`'):
            sign(ConcatConfig(axis), {"a": typed(8), "b": frames})
