"""The pose Transformer against its formulas, written out."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.pose_transformer.spec import SPEC, PoseTransformerConfig

WIDTH = 5


def typed(width: int = WIDTH) -> TensorType:
    return TensorType("b t d", {"d": width}, modality="pose")


def built(**config: Any) -> Any:
    """A part whose every weight is large enough to be missed."""
    torch.manual_seed(0)
    config = {"dim": 8, "heads": 2, **config}
    part = SPEC.load()(PoseTransformerConfig(**config), Context(inputs=typed()))
    with torch.no_grad():
        for weight in (*part.parameters(), part.norm.running_mean, part.norm.running_var):
            weight.add_(0.3 * torch.rand_like(weight))
    return part.eval()


def clips(*lengths: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(length, WIDTH) for length in lengths]


def by_hand(part: Any, clip: Tensor) -> Tensor:
    """``t d`` to ``t' dim``, a step, a head and a layer at a time."""
    config, norm = part.config, part.norm
    clip = (clip - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    clip = clip * norm.weight + norm.bias
    reach, rows = config.kernel // 2, []
    for centre in range(0, len(clip), config.stride):
        row = part.convolution.bias.clone()
        for tap, place in enumerate(range(centre - reach, centre + reach + 1)):
            if 0 <= place < len(clip):
                row += part.convolution.weight[:, :, tap] @ clip[place]
        position = len(rows)
        for pair in range(config.dim // 2):
            angle = position / 10000 ** (2 * pair / config.dim)
            row[2 * pair] += math.sin(angle)
            row[2 * pair + 1] += math.cos(angle)
        rows.append(row)
    values = torch.stack(rows)
    for layer in part.layers.layers:
        attention, read = layer.self_attn, layer.norm1(values)
        heads = []
        projected = F.linear(read, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)
        for query, key, value in zip(*(one.chunk(config.heads, -1) for one in projected),
                                     strict=True):  # fmt: skip
            heads.append((query @ key.T / math.sqrt(query.shape[1])).softmax(-1) @ value)
        values = values + attention.out_proj(torch.cat(heads, -1))
        values = values + layer.linear2(F.gelu(layer.linear1(layer.norm2(values))))
    return part.layers.norm(values)


@pytest.mark.parametrize("kernel, stride", [(1, 1), (3, 1), (3, 2), (5, 4)])
@torch.no_grad()
def test_by_hand(kernel: int, stride: int) -> None:
    part, samples = built(kernel=kernel, stride=stride), clips(9, 1, 6)
    output = part(Sequence.pad(samples, [25.0, 30.0, 24.0]))
    assert output.lengths.tolist() == [(len(clip) - 1) // stride + 1 for clip in samples]
    assert torch.allclose(output.rate, torch.tensor([25.0, 30.0, 24.0]) / stride)
    for number, clip in enumerate(samples):
        length, theirs = int(output.lengths[number]), by_hand(part, clip)
        assert torch.allclose(output.values[number, :length], theirs, atol=1e-5)
        assert theirs.std() > 0.3 and not output.values[number, length:].any()


@torch.no_grad()
def test_windows_are_clips_by_themselves() -> None:
    part, whole, samples = built(kernel=3, window=4, stride=3), built(kernel=3), clips(9, 2, 4)
    output = part(Sequence.pad(samples, [25.0] * 3))
    assert output.lengths.tolist() == [3, 1, 1]
    assert output.rate.tolist() == pytest.approx([25 / 3] * 3)
    starts = [(0, 0), (0, 3), (0, 6), (1, 0), (2, 0)]
    for row, (number, start) in zip(output.values[output.mask], starts, strict=True):
        clip = samples[number]
        window = clip[[min(start + step, len(clip) - 1) for step in range(4)]]
        assert torch.allclose(row, by_hand(whole, window).mean(0), atol=1e-5)
    assert not output.values[~output.mask].any()


def test_what_a_step_is_made_of() -> None:
    assert built(kernel=5, stride=2).receptive_field is None
    assert built(window=5, stride=2).receptive_field == ReceptiveField(5, 2, "repeat")


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    kernel=st.sampled_from([1, 3, 5]),
    window=st.none() | st.integers(1, 6),
    stride=st.integers(1, 6),
    extra=st.integers(0, 4),
)
def test_padding_changes_nothing(
    lengths: list[int], kernel: int, window: int | None, stride: int, extra: int
) -> None:
    part = built(kernel=kernel, window=window, stride=min(stride, window or kernel))
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


@pytest.mark.parametrize("window", [None, 3])
def test_nan_in_the_padding_is_not_seen(window: int | None) -> None:
    inputs = Sequence.pad(clips(7, 2), [25.0, 25.0])
    spoilt = inputs.with_values(inputs.values.masked_fill(~inputs.mask[..., None], math.nan))
    for training in (False, True):
        part = built(kernel=3, window=window, dropout=0.0).train(training)
        found, grads = [], []
        for given_ in (inputs, spoilt):
            part.zero_grad()
            values = part(given_).values
            values.square().sum().backward()
            found.append(values)
            grads.append(torch.cat([weight.grad.flatten() for weight in part.parameters()]))
        assert torch.equal(*found) and torch.equal(*grads) and grads[0].isfinite().all()


def test_channels_are_brought_to_one_scale() -> None:
    """In training, a channel's unit and origin do not matter; padding is no part of them."""
    part, inputs = built(dropout=0.0).train(), Sequence.pad(clips(8, 3), [25.0, 25.0])
    scaled = inputs.with_values(inputs.values * torch.tensor([1e3, 1, 1, 10, 1]) + 7)
    assert torch.allclose(part(inputs).values, part(scaled).values, atol=1e-3)


def test_it_drops_out_in_training_only() -> None:
    part, inputs = built(dropout=0.5), Sequence.pad(clips(6), [25.0])
    assert torch.equal(part(inputs).values, part(inputs).values)
    part.train()
    assert not torch.equal(part(inputs).values, part(inputs).values)


def test_what_cannot_be_written() -> None:
    for wrong, message in (
        ({"dim": 6, "heads": 4}, "multiple of heads"),
        ({"dim": 9, "heads": 3}, "must be even"),
        ({"dim": 8, "kernel": 4}, "an odd number is expected"),
        ({"dim": 8, "kernel": 3, "stride": 4}, "stride is 4, kernel is 3"),
        ({"dim": 8, "kernel": 5, "window": 3, "stride": 4}, "stride is 4, window is 3"),
    ):
        with pytest.raises(ValueError, match=message):
            PoseTransformerConfig(**wrong)


def test_types() -> None:
    assert SPEC.signature is not None
    config = PoseTransformerConfig(dim=8, kernel=5, stride=4)
    output = SPEC.signature(config, typed())
    assert output.known("d") == 8 and output.modality is None
    assert str(output.rate) == "rate of the clip / 4"
    with pytest.raises(TypeMismatch, match="`b t d` is needed"):
        SPEC.signature(config, TensorType("b t c h w"))
    with pytest.raises(UserError, match="inputs"):
        SPEC.load()(config)
