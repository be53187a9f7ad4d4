"""The mappers against layers written out, closed forms, and padding."""

import math
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import RecipeError, UserError
from slp_core.recipe import Use
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_fusion.mappers.cnn import spec as cnn
from slp_fusion.mappers.cnn.spec import CNNConfig
from slp_fusion.mappers.gru import spec as gru
from slp_fusion.mappers.gru.spec import GRUConfig
from slp_fusion.mappers.linear import spec as linear
from slp_fusion.mappers.linear.spec import LinearConfig
from slp_fusion.mappers.mlp import spec as mlp
from slp_fusion.mappers.mlp.spec import MLPConfig
from slp_fusion.mappers.segments import spec as segments
from slp_fusion.mappers.segments.model import segment_means
from slp_fusion.mappers.segments.spec import SegmentsConfig
from slp_fusion.mappers.sign_adapter import spec as sign_adapter
from slp_fusion.mappers.sign_adapter.spec import SignAdapterConfig
from slp_fusion.mappers.transformer import spec as transformer
from slp_fusion.mappers.transformer.spec import TransformerConfig

SPECS = {
    "linear": linear.SPEC,
    "mlp": mlp.SPEC,
    "cnn": cnn.SPEC,
    "gru": gru.SPEC,
    "segments": segments.SPEC,
    "signadapter": sign_adapter.SPEC,
    "transformer": transformer.SPEC,
}
WIDTH = 6
CONFIGS = [
    LinearConfig(dim=4),
    LinearConfig(dim=4, norm="none", dropout=0.0),
    MLPConfig(dim=4),
    MLPConfig(dim=4, hidden=7, layers=3, activation="relu", norm="none"),
    CNNConfig(dim=4),
    CNNConfig(dim=WIDTH, norm="none", kernels=[5], strides=[3]),
    CNNConfig(dim=4, kernels=[7, 1, 3], strides=[1, 3, 2], factor=3),
    LinearConfig(dim=4, norm="batch", dropout=0.0),
    CNNConfig(dim=4, norm="batch"),
    GRUConfig(dim=4),
    GRUConfig(dim=4, layers=2, norm="batch", dropout=0.2),
    SegmentsConfig(dim=4),
    SegmentsConfig(dim=4, segments=3, norm="batch", input_dropout=0.2),
    SignAdapterConfig(dim=4),
    SignAdapterConfig(dim=4, channels=5, hidden=7, pad="same", norm="batch", dropout=0.1),
    SignAdapterConfig(dim=4, tcn=False, norm="layer"),
    TransformerConfig(dim=4, layers=2),
    TransformerConfig(dim=WIDTH, layers=3, heads=2, norm="batch", window=2, ffn=5),
]


def built(config: Any, width: int = WIDTH, **context: Any) -> Any:
    name = type(config).__name__.removesuffix("Config").lower()
    inputs = TensorType("b t d", {"d": width})
    torch.manual_seed(0)
    return SPECS[name].load()(config, Context(inputs=inputs, **context)).eval()


def batch(*lengths: int, width: int = WIDTH) -> Sequence:
    return Sequence.pad([torch.randn(n, width) for n in lengths], [25.0] * len(lengths))


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4), extra=st.integers(0, 9))
@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_padding_changes_nothing(config: Any, lengths: list[int], extra: int) -> None:
    samples = [torch.randn(length, WIDTH) for length in lengths]
    assert_padding_changes_nothing(built(config), samples, extra=extra)


@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_nothing_in_the_padding_is_seen(config: Any) -> None:
    """MultimodalHugs' CNN adapter convolves over padded frames; NaN there would show it."""
    part, inputs = built(config), batch(9, 4, 13)
    dirty = inputs.values.masked_fill(~inputs.mask[..., None], math.nan)
    ours, theirs = part(inputs), part(inputs.with_values(dirty))
    assert torch.equal(ours.values[ours.mask], theirs.values[theirs.mask])


@pytest.mark.parametrize("name", SPECS)
def test_a_mapper_named_is_the_mapper_built(name: str) -> None:
    """MultimodalHugs builds no mapping layer at all when its `adapter` is asked for."""
    config = SPECS[name].config(dim=4)
    part = SPECS[name].load()(config, Context(inputs=TensorType("b t d", {"d": WIDTH})))
    layers = {type(layer).__name__ for layer in part.modules()}
    telling = {
        "linear": {"LinearMapper"},
        "mlp": {"MLPMapper", "GELU"},
        "cnn": {"CNNMapper", "Conv1d"},
        "gru": {"GRUMapper", "GRU"},
        "segments": {"SegmentsMapper", "Linear"},
        "signadapter": {"SignAdapter", "Conv1d", "GELU"},
        "transformer": {"TransformerMapper", "TransformerEncoder"},
    }
    assert telling[name] <= layers
    assert part(batch(8)).values.shape[2] == 4


@pytest.mark.parametrize("config", [LinearConfig(), MLPConfig(), CNNConfig()], ids=repr)
def test_an_omitted_width_is_that_of_what_comes_next(config: Any) -> None:
    spec = SPECS[type(config).__name__.removesuffix("Config").lower()]
    assert spec.signature is not None
    output = spec.signature(config, TensorType("b t d", {"d": WIDTH}, modality="pose"))
    assert isinstance(output["d"], Symbol)
    output.expect("b t d", d=10)  # the decoder's width
    assert built(config, output=output)(batch(5)).values.shape[2] == 10
    with pytest.raises(UserError, match="dim"):
        built(config)
    with pytest.raises(UserError, match="inputs"):
        spec.load()(config)


@pytest.mark.parametrize("name", SPECS)
def test_signatures(name: str) -> None:
    sign = SPECS[name].signature
    assert sign is not None
    inputs = TensorType("b t d", {"d": WIDTH}, modality="pose")
    output = sign(SPECS[name].config(dim=4), inputs)
    assert output.axes == "b t d" and output["d"] == 4 and output.modality is None
    rates = {"cnn": Rate(0.25), "segments": None, "signadapter": Rate(0.25)}
    assert output.rate == rates.get(name, Rate())
    assert sign(SPECS[name].config(dim=4), inputs.to(rate=None)).rate is None
    for wrong in (TensorType("b t", dtype="int64"), TensorType("b t c h w", dtype="uint8")):
        with pytest.raises(TypeMismatch, match="b t d"):
            sign(SPECS[name].config(), wrong)


@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_dropout_is_for_training_only(config: Any) -> None:
    part, inputs = built(config), batch(40)
    once, again = (part.train()(inputs).values for _ in range(2))
    assert torch.equal(once, again) == (config.dropout == 0)
    assert torch.equal(part.eval()(inputs).values, part(inputs).values)


def test_linear_is_norm_and_linear() -> None:
    part, inputs = built(LinearConfig(dim=4)), batch(7, 3)
    with torch.no_grad():  # LayerNorm's own weights are ones and zeros at first
        part.norm.norm.weight.uniform_(0.5, 2)
    x = inputs.values
    normal = (x - x.mean(2, keepdim=True)) / (x.var(2, keepdim=True, correction=0) + 1e-5).sqrt()
    expected = (normal * part.norm.norm.weight) @ part.linear.weight.T + part.linear.bias
    assert torch.allclose(part(inputs).values, expected, atol=1e-5)
    bare = built(LinearConfig(dim=4, norm="none"))
    assert torch.allclose(
        bare(inputs).values, x @ bare.linear.weight.T + bare.linear.bias, atol=1e-6
    )


def test_batch_norm_learns_from_valid_steps_only() -> None:
    part = built(LinearConfig(dim=4, norm="batch", dropout=0.0)).train()
    inputs = batch(7, 3)
    valid = inputs.values[inputs.mask]
    mean, variance = valid.mean(0), valid.var(0, correction=0)
    normal = (inputs.values - mean) / (variance + 1e-5).sqrt()
    expected = normal @ part.linear.weight.T + part.linear.bias
    given = part(inputs).values
    assert torch.allclose(given[inputs.mask], expected[inputs.mask], atol=1e-5)
    assert torch.allclose(part.norm.norm.running_mean, 0.1 * mean, atol=1e-6)


@pytest.mark.parametrize(("name", "function"), [("relu", F.relu), ("gelu", F.gelu)])
def test_mlp_is_its_layers(name: Any, function: Any) -> None:
    part = built(MLPConfig(dim=4, hidden=7, layers=3, activation=name, norm="none"))
    inputs = batch(7, 3)
    one, two, three = (layer for layer in part.modules() if isinstance(layer, torch.nn.Linear))
    assert (one.in_features, two.in_features, three.in_features) == (WIDTH, 7, 7)
    expected = three(function(two(function(one(inputs.values)))))
    assert torch.allclose(part(inputs).values, expected)


def test_gru_is_each_way_by_itself() -> None:
    """Against cells unrolled by hand, forward and backward."""
    part, values = built(GRUConfig(dim=4, norm="none")), torch.randn(5, WIDTH)
    found = []
    for suffix, steps in (("", values), ("_reverse", values.flip(0))):
        cell = torch.nn.GRUCell(WIDTH, 2)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).data = getattr(part.gru, f"{name}_l0{suffix}").data
        state, states = torch.zeros(1, 2), []
        for step in steps:
            state = cell(step[None], state)
            states.append(state[0])
        found.append(torch.stack(states))
    expected = torch.cat([found[0], found[1].flip(0)], 1)
    output = part(Sequence.pad([values, torch.randn(9, WIDTH)], [25.0, 25.0]))
    assert torch.allclose(output.values[0, :5], expected, atol=1e-6)
    with pytest.raises(UserError, match="an even number is needed"):
        built(GRUConfig(dim=5))


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), parts=st.integers(1, 8))
@settings(max_examples=40)
def test_segments_are_cut_as_adaptive_pooling_cuts(lengths: list[int], parts: int) -> None:
    inputs = batch(*lengths)
    found = segment_means(inputs.values, inputs.lengths, parts)
    for values, length, ours in zip(inputs.values, lengths, found, strict=True):
        theirs = F.adaptive_avg_pool1d(values[:length].T, parts).T
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_mean_of_a_long_segment_fits_into_half_precision() -> None:
    values, length = torch.full((1, 1500, 2), 300.0), torch.tensor([1500])
    with torch.autocast("cpu", torch.float16):  # their sum does not
        means = segment_means(values, length, 5)
    torch.testing.assert_close(means.float(), torch.full((1, 5, 2), 300.0), rtol=1e-3, atol=0)


def test_segments_are_one_step_of_two_layers() -> None:
    part = built(SegmentsConfig(dim=4, segments=2, hidden=7, norm="none"))
    values = torch.randn(6, WIDTH)
    joined = torch.cat([values[:3].mean(0), values[3:].mean(0)])
    one, two = (layer for layer in part.modules() if isinstance(layer, torch.nn.Linear))
    output = part(Sequence.pad([values, torch.randn(9, WIDTH)], [25.0, 25.0]))
    assert torch.allclose(output.values[0, 0], two(F.relu(one(joined))), atol=1e-6)
    assert output.lengths.tolist() == [1, 1] and output.rate.isnan().all()


def convolved(values: Tensor, layer: torch.nn.Conv1d) -> Tensor:
    """``t d`` to ``t' d'``, a step and a tap at a time, then the gate."""
    (kernel,), (stride,) = layer.kernel_size, layer.stride
    steps = []
    for middle in range(0, len(values), stride):
        total = layer.bias.clone()
        for tap in range(kernel):
            place = middle + tap - kernel // 2
            if 0 <= place < len(values):
                total += layer.weight[:, :, tap] @ values[place]
        half = len(total) // 2
        steps.append(total[:half] / (1 + torch.exp(-total[half:])))
    return torch.stack(steps)


@pytest.mark.parametrize("config", CONFIGS[4:7], ids=repr)
@pytest.mark.parametrize("width", [WIDTH, 4])
def test_cnn_is_its_convolutions(config: CNNConfig, width: int) -> None:
    part, values = built(config, width), torch.randn(13, width)
    assert isinstance(part.linear, torch.nn.Linear) == (width != config.dim)
    channels = [layer.out_channels for layer in part.layers]
    inner = len(config.kernels) - 1
    assert channels == [config.factor * config.dim] * inner + [2 * config.dim]
    expected = part.linear(part.norm.norm(values))
    for layer in part.layers:
        expected = convolved(expected, layer)
    output = part(Sequence.pad([values, torch.randn(29, width)], [25.0, 50.0]))
    assert torch.allclose(output.values[0, : len(expected)], expected, atol=1e-5)
    assert int(output.lengths[0]) == len(expected)


@given(
    length=st.integers(1, 400),
    layers=st.lists(
        st.tuples(st.sampled_from([1, 3, 5, 9]), st.integers(1, 5)), min_size=1, max_size=3
    ),
)
@settings(max_examples=40)
def test_cnn_lengths_and_rate(length: int, layers: list[tuple[int, int]]) -> None:
    kernels, strides = ([*column] for column in zip(*layers, strict=True))
    part = built(CNNConfig(dim=2, kernels=kernels, strides=strides))
    output = part(batch(length, 1))
    expected = length
    for stride in strides:
        expected = math.floor((expected - 1) / stride + 1)
    assert output.lengths.tolist() == [expected, 1] and output.values.shape[1] == expected
    assert output.rate.tolist() == pytest.approx([25 / math.prod(strides)] * 2)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"kernels": [4, 3]}, "odd"),
        ({"kernels": []}, "odd"),
        ({"strides": [2, 0]}, "at least 1"),
        ({"kernels": [3]}, "1 kernels and 2 strides"),
        ({"factor": 0}, "factor"),
        ({"dim": 0}, "dim"),
        ({"dropout": 1.0}, "dropout"),
        ({"kernel": [3, 3]}, "kernels"),
        ({"strides": ["2", 2]}, "whole number"),
    ],
)
def test_cnn_refuses(written: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        configured("mapper", Use("cnn", written))


def test_cnn_refuses_a_gate_of_half_a_channel() -> None:
    with pytest.raises(UserError, match="even"):
        built(CNNConfig(dim=3, factor=1))
    built(CNNConfig(dim=3, factor=1, kernels=[3], strides=[2]))  # the last gate is always even


def test_mlp_refuses_a_single_layer() -> None:
    with pytest.raises(ValueError, match="layers"):
        MLPConfig(layers=1)
