"""The sign adapter against the layers of torch written out."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from slp_core.context import Context
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import Rate, TensorType
from slp_core.testing import assert_padding_changes_nothing
from slp_fusion.mappers.sign_adapter.model import SignAdapter
from slp_fusion.mappers.sign_adapter.spec import SPEC, SignAdapterConfig

WIDTH, DIM = 6, 4


def built(**keys: Any) -> SignAdapter:
    torch.manual_seed(0)
    context = Context(inputs=TensorType("b t d", {"d": WIDTH}))
    part = SignAdapter(SignAdapterConfig(dim=DIM, **keys), context)
    for module in part.modules():  # as if trained
        if isinstance(module, nn.BatchNorm1d):
            for weight in (module.weight.data, module.running_var):
                weight.uniform_(0.5, 2)
            for bias in (module.bias.data, module.running_mean):
                bias.normal_()
    return part.eval()


def written_out(part: SignAdapter) -> nn.Sequential:
    """``b d t`` to ``b t' dim`` by layers that know no mask, with the same weights."""
    layers: list[nn.Module] = []
    for block in part.tcn:
        conv = block.conv
        twin = nn.Conv1d(conv.in_channels, conv.out_channels, 5, padding=conv.padding)
        norm = nn.BatchNorm1d(conv.out_channels)
        twin.load_state_dict(conv.state_dict())
        norm.load_state_dict(block.norm.state_dict())
        layers += [twin, norm, nn.ReLU(), nn.MaxPool1d(2)]
    one, activation, two = part.mlp
    first, last = nn.Linear(one.in_features, one.out_features), nn.Linear(one.out_features, DIM)
    first.load_state_dict(one.state_dict())
    last.load_state_dict(two.state_dict())
    return nn.Sequential(*layers, Transposed(), first, activation, last).train(part.training)


class Transposed(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.mT


def batch(*lengths: int) -> Sequence:
    torch.manual_seed(1)
    return Sequence.pad([torch.randn(n, WIDTH) for n in lengths], [24.0] * len(lengths))


@pytest.mark.parametrize("pad", ["none", "same"])
def test_lengths(pad: Any) -> None:
    """floor(t / 4) - 3, as SpaMo, MMSLT and GFSLT count them; at least one."""
    lengths = list(range(1, 201))
    inputs = Sequence.pad([torch.zeros(n, WIDTH) for n in lengths], [24.0] * 200)
    output = built(pad=pad)(inputs)
    less = 3 if pad == "none" else 0
    assert output.lengths.tolist() == [max(1, n // 4 - less) for n in lengths]
    assert torch.equal(output.mask, lengths_to_mask(output.lengths))
    assert output.rate.tolist() == [6.0] * 200


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "keys", [{}, {"channels": 5, "hidden": 7}, {"pad": "same"}, {"unmasked": True}], ids=repr
)
def test_values_without_padding(keys: dict[str, Any], training: bool) -> None:
    part, inputs = built(**keys).train(training), batch(29, 29, 29)
    plain = written_out(part)
    assert part.tcn[0].conv.out_channels == keys.get("channels", WIDTH)
    assert part.mlp[0].out_features == keys.get("hidden", DIM)
    ours, theirs = part(inputs).values, plain(inputs.values.mT)
    assert ours.shape == theirs.shape == (3, 7 if "pad" in keys else 4, DIM)
    assert torch.allclose(ours, theirs, atol=1e-5)
    for block, norm in zip(part.tcn, (plain[1], plain[5]), strict=True):
        assert torch.allclose(block.norm.running_mean, norm.running_mean, atol=1e-6)
        assert torch.allclose(block.norm.running_var, norm.running_var, atol=1e-5)


@settings(max_examples=20)
@given(
    lengths=st.lists(st.integers(1, 45), min_size=1, max_size=4),
    extra=st.integers(0, 20),
    pad=st.sampled_from(["none", "same", "edge"]),
)
def test_padding_changes_nothing(lengths: list[int], extra: int, pad: Any) -> None:
    torch.manual_seed(len(lengths))
    samples = [torch.randn(length, WIDTH) for length in lengths]
    assert_padding_changes_nothing(built(pad=pad, channels=5), samples, extra=extra)


@pytest.mark.parametrize("pad", ["none", "same", "edge"])
def test_padding_changes_nothing_in_training(pad: Any) -> None:
    """Neither the output nor a gradient nor the statistics of batch norm."""
    found = []
    for extra, padding in ((0, 0.0), (0, torch.nan), (13, torch.nan), (6, 9.0)):
        part, inputs = built(pad=pad).train(), batch(21, 33, 3)
        values = nn.functional.pad(inputs.values, (0, 0, 0, extra))
        mask = lengths_to_mask(inputs.lengths, values.shape[1])
        values = values.masked_fill(~mask[..., None], padding)
        output = part(Sequence(values, mask, inputs.rate))
        output.steps.square().sum().backward()
        gradients = [weight.grad.flatten() for weight in part.parameters()]
        buffers = [buffer.flatten() for buffer in part.buffers()]
        found.append(torch.cat([output.steps.detach().flatten(), *gradients, *buffers]))
    for one in found[1:]:
        assert torch.allclose(one, found[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("pad", ["none", "same"])
def test_unmasked_is_plain_layers_over_the_padded_batch(pad: Any, training: bool) -> None:
    part, inputs = built(pad=pad, unmasked=True).train(training), batch(40, 18, 29)
    plain = written_out(part)
    dirty = inputs.values.masked_fill(~inputs.mask[..., None], 7.0)  # read as zeros
    output, theirs = part(inputs.with_values(dirty)), plain(inputs.values.mT)
    assert torch.allclose(output.values, theirs, atol=1e-5)
    less = 3 if pad == "none" else 0
    assert output.lengths.tolist() == [length // 4 - less for length in (40, 18, 29)]
    masked = built(pad=pad).train(training)(inputs).values
    seen = training or pad == "same"  # in evaluation, windows without kernel padding are valid
    assert torch.allclose(output.steps, masked[output.mask], atol=1e-3) != seen


def test_a_short_clip_repeats_its_last_step() -> None:
    part, short = built(), torch.randn(5, WIDTH)
    by_hand = torch.cat([short, short[-1:].expand(11, WIDTH)])
    ours, theirs = (part(Sequence.pad([values], [24.0])) for values in (short, by_hand))
    assert torch.equal(ours.values, theirs.values) and ours.lengths.tolist() == [1]


def test_without_convolutions_each_step_passes_the_mlp_alone() -> None:
    part, inputs = built(tcn=False), batch(9, 3)
    one, _, two = part.mlp
    expected = two(nn.functional.gelu(one(inputs.values)))
    output = part(inputs)
    assert torch.equal(output.values, expected) and torch.equal(output.mask, inputs.mask)
    assert output.rate.tolist() == [24.0, 24.0] and not [*part.tcn.parameters()]


def test_signature() -> None:
    assert SPEC.signature is not None
    inputs = TensorType("b t d", {"d": WIDTH})
    for tcn, rate in ((True, Rate(0.25)), (False, Rate(1.0))):
        config = SignAdapterConfig(dim=DIM, tcn=tcn)
        assert SPEC.signature(config, inputs).rate == rate
        assert SPEC.signature(config, inputs.to(rate=None)).rate is None


def test_spamo_has_as_many_weights() -> None:
    """The convolutions and the MLP between 768 and 2048, counted by hand."""
    context = Context(inputs=TensorType("b t d", {"d": 768}))
    with torch.device("meta"):
        part = SignAdapter(SignAdapterConfig(dim=2048), context)
    convolutions = 2 * (5 * 768 * 768 + 768 + 2 * 768)
    mlp = 768 * 2048 + 2048 + 2048 * 2048 + 2048
    assert sum(weight.numel() for weight in part.parameters()) == convolutions + mlp


def test_both_ends_of_a_clip_are_repeated_as_in_mmslt() -> None:
    """8 times before, behind up to a multiple of 4 and 8 times more."""
    inputs = batch(*range(1, 42))
    part = built(pad="edge")
    output = part(inputs)
    assert output.lengths.tolist() == [math.ceil(n / 4) + 1 for n in range(1, 42)]
    plain = built()
    for number, length in enumerate(range(1, 42)):
        steps = inputs.values[number, :length]
        behind = -length % 4 + 8
        by_hand = torch.cat([*[steps[:1]] * 8, steps, *[steps[-1:]] * behind])
        theirs = plain(Sequence.pad([by_hand], [24.0])).steps
        ours = output.values[number, output.mask[number]]
        assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(("name", "layer"), [("relu", nn.ReLU), ("gelu", nn.GELU)])
def test_activation(name: Any, layer: type[nn.Module]) -> None:
    assert isinstance(built(activation=name).mlp[1], layer)
