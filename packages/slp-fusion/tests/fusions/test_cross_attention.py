"""Cross-attention against its formula, head by head, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Symbol, TensorType, TypeMismatch
from slp_core.transformer import sinusoids
from slp_fusion import CrossAttention, CrossAttentionConfig, RouterConfig
from slp_fusion.fusions.cross_attention.spec import SPEC

D, HEADS = 6, 2
ROUTE = RouterConfig(on="signing", between=["signing", "fingerspelling"])
sign = SPEC.signature
assert sign is not None


def typed(*names: str, width: int | Symbol = D) -> dict[str, TensorType]:
    return {name: TensorType("b t d", {"d": width}) for name in names}


def fusion(*names: str, route: RouterConfig | None = None) -> CrossAttention:
    torch.manual_seed(0)
    config = CrossAttentionConfig(to="lips", route=route, heads=HEADS)
    made = CrossAttention(config, Context(streams=typed(*names))).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def positions(times: np.ndarray) -> np.ndarray:
    rows = [
        [f(time / 10000 ** (2 * pair / D)) for pair in range(D // 2) for f in (math.sin, math.cos)]
        for time in times
    ]
    return np.array(rows)


@pytest.mark.parametrize("clocked", [True, False])
def test_it_is_the_formula(stream: Callable[..., Sequence], clocked: bool) -> None:
    torch.manual_seed(1)
    ours, theirs = [5, 8], [4, 2]
    hands = stream([torch.randn(n, D) for n in ours], 25.0 if clocked else math.nan, extra=1)
    lips = stream([torch.randn(n, D) for n in theirs], 10.0, extra=2)
    made = fusion("hands", "lips")
    with torch.no_grad():
        found = made({"hands": hands, "lips": lips})
    inner = made.attention
    weights = np.split(inner.in_proj_weight.detach().numpy(), 3)
    biases = np.split(inner.in_proj_bias.detach().numpy(), 3)
    for sample, (t, u) in enumerate(zip(ours, theirs, strict=True)):
        m, q = hands.values[sample, :t].numpy(), lips.values[sample, :u].numpy()
        times = (np.arange(u) + 0.5) * (2.5 if clocked else t / u) - 0.5
        sources = [m + positions(np.arange(t)), q + positions(times), q]
        query, key, value = (x @ w.T + b for x, w, b in zip(sources, weights, biases, strict=True))
        heads = []
        for head in np.split(np.arange(D), HEADS):
            scores = query[:, head] @ key[:, head].T / math.sqrt(D // HEADS)
            share = np.exp(scores - scores.max(1, keepdims=True))
            heads.append(share / share.sum(1, keepdims=True) @ value[:, head])
        told = np.concatenate(heads, 1) @ inner.out_proj.weight.detach().numpy().T
        summed = m + told + inner.out_proj.bias.detach().numpy()
        normed = (summed - summed.mean(1, keepdims=True)) / np.sqrt(
            summed.var(1, keepdims=True) + made.norm.eps
        )
        expected = normed * made.norm.weight.detach().numpy() + made.norm.bias.detach().numpy()
        np.testing.assert_allclose(found.values[sample, :t].numpy(), expected, atol=1e-4)
    assert not found.values[~found.mask].any()
    assert torch.equal(found.mask, hands.mask) and found.rate is hands.rate


def test_a_sample_alone_is_as_in_a_batch(stream: Callable[..., Sequence]) -> None:
    made = fusion("signing", "fingerspelling", "lips", route=ROUTE)
    streams = {
        n: stream([torch.randn(k, D) for k in (6, 9)]) for n in ("signing", "fingerspelling")
    }
    streams["lips"] = stream([torch.randn(k, D) for k in (7, 3)], 12.5, extra=2)
    together = made(streams)
    for sample, length in enumerate(together.lengths.tolist()):

        def cut(one: Sequence, sample: int = sample) -> Sequence:
            steps = int(one.lengths[sample])
            return Sequence(
                one.values[[sample], :steps], one.mask[[sample], :steps], one.rate[[sample]]
            )

        alone = made({name: cut(one) for name, one in streams.items()})
        torch.testing.assert_close(alone.values[0], together.values[sample, :length])


def test_it_routes_as_the_gate_does(stream: Callable[..., Sequence]) -> None:
    made = fusion("signing", "fingerspelling", "lips", route=ROUTE)
    streams = {n: stream([torch.randn(8, D)]) for n in ("signing", "fingerspelling", "lips")}
    chosen = made.routes(streams).values[0].argmax(-1)
    manual = made.manual(streams).values[0]
    for step, route in enumerate(chosen.tolist()):
        kinds: list[Tensor] = [streams[name].values[0, step] for name in ROUTE.between]
        assert torch.equal(manual[step], [*kinds, torch.zeros(D)][route])
    assert made.train()(streams).values.isfinite().all()
    assert {"temperature", "share_signing", "share_fingerspelling", "share_rest"} == {
        *made.gauges()
    }
    groups = {name: {*group} for name, group in made.subparts().items()}
    assert [*groups] == ["router", "attention"]
    assert groups["router"] | groups["attention"] == {*made.parameters()}
    assert not groups["router"] & groups["attention"]


def test_gradients_reach_every_parameter(stream: Callable[..., Sequence]) -> None:
    made = fusion("signing", "fingerspelling", "lips", route=ROUTE).train()
    streams = {n: stream([torch.randn(8, D), torch.randn(5, D)]) for n in typed(*made.experts)}
    streams["lips"] = stream([torch.randn(4, D), torch.randn(6, D)], 12.5)
    (made(streams).steps ** 3).sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_an_odd_width_has_positions_too() -> None:
    found = sinusoids(torch.tensor([0.0, 1.5]), 3)
    expected = [[0, 1, 0], [math.sin(1.5), math.cos(1.5), math.sin(1.5 / 10000 ** (2 / 3))]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_types() -> None:
    config = CrossAttentionConfig(to="lips", heads=2)
    streams = typed("hands", "lips")
    streams["lips"] = streams["lips"].to(rate=Rate() / 4)
    output = sign(config, streams)
    assert output["d"] == D and output.rate == Rate()
    with pytest.raises(TypeMismatch, match='"mouth" .`to`.; did you mean|have no "mouth"'):
        sign(CrossAttentionConfig(to="mouth"), typed("hands", "lips"))
    wrong = CrossAttentionConfig(to="lips", heads=4)
    with pytest.raises(TypeMismatch, match="d = 6 .* no multiple of `heads`, 4"):
        sign(wrong, typed("hands", "lips"))
    late = typed("hands", "lips", width=Symbol("d"))
    sign(wrong, late)
    late["hands"].expect("b t d", d=D)
    with pytest.raises(UserError, match="6 wide, which is no multiple of `heads`, 4"):
        CrossAttention(wrong, Context(streams=late))
