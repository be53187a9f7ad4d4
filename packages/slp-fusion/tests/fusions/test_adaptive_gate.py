"""Route and gate against their formulas, written out step by step."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import RecipeError, UserError
from slp_core.recipe import Use
from slp_core.schema import structure
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Size, Symbol, TensorType, TypeMismatch
from slp_fusion import AdaptiveGate, AdaptiveGateConfig, GateConfig, RouterConfig
from slp_fusion.fusions.adaptive_gate.spec import SPEC
from slp_fusion.fusions.resampling import resample

Streams = dict[str, Sequence]
NAMES = ["frames", "signing", "fingerspelling", "lips"]
WIDE, D = 5, 3  # of the frames, and of everything else
sign = SPEC.signature
assert sign is not None


def route(**keys: Any) -> RouterConfig:
    return RouterConfig(**{"on": "frames", "between": ["signing", "fingerspelling"], **keys})


def typed(names: list[str], **changes: Any) -> dict[str, TensorType]:
    types = {name: TensorType("b t d", {"d": WIDE if name == "frames" else D}) for name in names}
    return types | changes


def fusion(names: list[str] = NAMES, seed: int = 0, **keys: Any) -> AdaptiveGate:
    torch.manual_seed(seed)
    config = AdaptiveGateConfig(**{"route": route(), "gate": GateConfig("lips"), **keys})
    made = AdaptiveGate(config, Context(streams=typed(names))).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


@pytest.fixture(name="streams", scope="module")
def _streams(stream: Callable[..., Sequence]) -> Streams:
    """Three samples; the lips have another rate and their own lengths, one has no clock."""
    torch.manual_seed(1)
    ours, theirs, lip_rates = [6, 9, 4], [5, 3, 4], [10.0, 12.5, math.nan]
    made = {"frames": stream([torch.randn(n, WIDE) for n in ours], extra=1)}
    made |= {name: stream([torch.randn(n, D) for n in ours]) for name in NAMES[1:3]}
    return made | {"lips": stream([torch.randn(n, D) for n in theirs], lip_rates, extra=2)}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def number(module: Any, name: str) -> np.ndarray:
    return getattr(module, name).detach().numpy()


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize("on", ["manual", "both"])
@pytest.mark.parametrize("per", ["channel", "step"])
def test_it_is_the_formula(streams: Streams, per: Any, on: Any, rest: bool) -> None:
    made = fusion(route=route(rest=rest), gate=GateConfig("lips", per, on))
    with torch.no_grad():
        found, gates = made(streams), made.gates(streams)
    lips = resample(streams["lips"], streams["signing"]).values
    assert made.gate is not None and made.router is not None
    (conv,) = made.router.layers
    weight, bias = number(conv, "weight")[:, :, 0], number(conv, "bias")
    routes = set()
    for sample, step in streams["signing"].mask.nonzero().tolist():
        frame, signed, spelled = (streams[n].values[sample, step].numpy() for n in NAMES[:3])
        chosen = int(np.argmax(weight @ frame + bias))
        routes.add(chosen)
        manual = [signed, spelled, np.zeros(D)][chosen]
        q = lips[sample, step].numpy()
        told = np.concatenate([manual, q]) if on == "both" else manual
        gate = sigmoid(number(made.gate, "weight") @ told + number(made.gate, "bias"))
        assert gate.shape == ((D,) if per == "channel" else (1,))
        np.testing.assert_allclose(gates.values[sample, step].numpy(), gate, atol=1e-5)
        expected = gate * manual + (1 - gate) * q
        np.testing.assert_allclose(found.values[sample, step].numpy(), expected, atol=1e-5)
    assert routes == set(range(2 + rest))
    assert torch.equal(found.mask, streams["signing"].mask)
    assert torch.equal(found.rate, streams["signing"].rate)
    assert not found.values[~found.mask].any()


def test_without_lips_it_is_the_route_alone(streams: Streams) -> None:
    made = fusion(NAMES[:3], gate=None)
    del (three := dict(streams))["lips"]
    chosen = made.routes(three).values.argmax(-1)
    kinds = torch.stack([three["signing"].values, three["fingerspelling"].values])
    kinds = torch.cat([kinds, torch.zeros_like(kinds[:1])])  # (routes, b, t, d)
    expected = kinds.gather(0, chosen[None, ..., None].expand(1, -1, -1, D))[0]
    found = made(three)
    assert torch.equal(found.steps, expected[found.mask])
    with pytest.raises(UserError, match="has no `gate`"):
        made.gates(three)


def test_without_a_route_it_is_the_gate_alone(streams: Streams) -> None:
    two = {name: streams[name] for name in ("signing", "lips")}
    made = fusion([*two], route=None)
    assert made.gate is not None and made.router is None and made.route_names == ()
    lips = resample(two["lips"], two["signing"]).values
    manual = two["signing"].values.nan_to_num()
    gate = torch.sigmoid(made.gate(manual))
    found = made(two)
    torch.testing.assert_close(found.steps, (gate * manual + (1 - gate) * lips)[found.mask])
    with pytest.raises(UserError, match="has no `route`"):
        made.routes(two)


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize("per", ["channel", "step"])
def test_shares_are_those_of_the_expected_sum(streams: Streams, per: Any, rest: bool) -> None:
    made = fusion(route=route(rest=rest), gate=GateConfig("lips", per, "both"))
    with torch.no_grad():
        told, routes, gates = made.shares(streams), made.routes(streams), made.gates(streams)
    assert [*told] == ["signing", "fingerspelling", "lips"]
    for sample, step in routes.mask.nonzero().tolist():
        gate = gates.values[sample, step].mean()
        expected = [*(routes.values[sample, step, :2] * gate), 1 - gate]
        found = [one.values[sample, step] for one in told.values()]
        torch.testing.assert_close(torch.stack(found), torch.stack(expected))
        nobody = routes.values[sample, step, 2] * gate if rest else 0
        assert float(sum(found) + nobody) == pytest.approx(1, abs=1e-5)
    assert all(torch.equal(one.mask, routes.mask) for one in told.values())
    assert all(torch.equal(one.rate, routes.rate) for one in told.values())


def test_shares_of_what_is_left_out(streams: Streams) -> None:
    two = {name: streams[name] for name in ("signing", "lips")}
    alone = fusion([*two], route=None)
    told, gate = alone.shares(two), alone.gates(two)
    torch.testing.assert_close(told["signing"].steps, gate.steps.mean(-1))
    torch.testing.assert_close(told["lips"].steps, 1 - gate.steps.mean(-1))
    three = {name: streams[name] for name in NAMES[:3]}
    ungated = fusion(NAMES[:3], gate=None)
    assert torch.equal(ungated.shares(three)["signing"].steps, ungated.routes(three).steps[:, 0])
    assert [*ungated.shares(three)] == ["signing", "fingerspelling"]


def test_a_router_sees_a_window_and_no_padding(streams: Streams) -> None:
    made = fusion(route=route(window=3, hidden=4))
    assert made.router is not None
    first, _, last = made.router.layers
    found = made.routes(streams)
    for sample, length in enumerate(streams["frames"].lengths.tolist()):
        frames = streams["frames"].values[sample, :length].numpy()
        around = np.concatenate([np.zeros((1, WIDE)), frames, np.zeros((1, WIDE))])
        for step in range(length):
            window = around[step : step + 3].T  # (d, 3)
            hidden = np.einsum("hdk,dk->h", number(first, "weight"), window)
            hidden = np.maximum(hidden + number(first, "bias"), 0)
            logits = number(last, "weight")[:, :, 0] @ hidden + number(last, "bias")
            odds = np.exp(logits - logits.max())
            got = found.values[sample, step].detach().numpy()
            np.testing.assert_allclose(got, odds / odds.sum(), atol=1e-5)


def test_a_route_of_another_clock_is_resampled(stream: Callable[..., Sequence]) -> None:
    made = fusion(NAMES[:3], gate=None)
    frames = stream([torch.randn(n, WIDE) for n in (8, 6)])
    experts = {n: stream([torch.randn(k, D) for k in (4, 3)], 12.5) for n in NAMES[1:3]}
    assert made.router is not None
    logits = made.router(frames)
    found = made.routes({"frames": frames, **experts})
    assert found.rate.tolist() == [12.5, 12.5] and found.lengths.tolist() == [4, 3]
    pairs = logits.values[0].reshape(4, 2, 3).mean(1)  # a slow step's middle is between two
    torch.testing.assert_close(found.values[0], pairs.softmax(-1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("gate", [None, GateConfig("lips", on="both")])
def test_the_gradient_is_that_of_the_soft_route(streams: Streams, gate: GateConfig | None) -> None:
    """Straight through: forward a one-hot route; backward the softmax with the same noise. Where
    the loss is linear in the route, that is the gradient of the relaxation, here by finite
    differences of it, written out."""
    made = fusion(NAMES if gate else NAMES[:3], gate=gate, route=route(temperature=0.7)).double()
    assert made.router is not None
    here = {
        name: one.with_values(one.values.double())
        for name, one in streams.items()
        if gate or name != "lips"
    }
    frames, experts = here["frames"], [here[name] for name in NAMES[1:3]]
    (conv,) = made.router.layers
    steps = experts[0].mask.shape[1]
    weights = torch.randn(*experts[0].mask.shape, D, dtype=torch.double)

    def noise() -> Tensor:
        torch.manual_seed(7)
        empty = torch.empty(len(weights), steps, 3, dtype=torch.double)
        return -empty.exponential_().log()

    def soft(kernel: Tensor) -> Tensor:
        logits = frames.values.nan_to_num()[:, :steps] @ kernel[:, :, 0].T + conv.bias
        r = ((logits + noise()) / 0.7).softmax(-1)
        told = [one.values.nan_to_num() for one in experts]
        manual = r[..., [0]] * told[0] + r[..., [1]] * told[1]
        return (manual * weights)[experts[0].mask].sum()

    made.train()
    torch.manual_seed(7)
    manual = made.manual(here)
    (manual.values * weights)[manual.mask].sum().backward()
    found = conv.weight.grad
    assert found is not None and found.abs().max() > 1e-3
    kernel = conv.weight.detach()
    for place in np.ndindex(*kernel.shape):
        nudge = torch.zeros_like(kernel)
        nudge[place] = 1e-5
        slope = (soft(kernel + nudge) - soft(kernel - nudge)) / 2e-5
        assert found[place].item() == pytest.approx(slope.item(), rel=1e-5, abs=1e-7)
    # what is drawn is a vertex: one expert, or nothing
    drawn = (noise() + made.route_logits(here).values).argmax(-1)
    for sample, step in manual.mask.nonzero().tolist():
        kinds = [one.values[sample, step] for one in experts] + [torch.zeros(D).double()]
        expected = kinds[int(drawn[sample, step])]
        torch.testing.assert_close(manual.values[sample, step], expected)


def test_gradients_reach_the_router_through_the_gate(streams: Streams) -> None:
    made = fusion().train()
    made(streams).steps.square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_temperature_falls_with_every_forward_pass_of_training(streams: Streams) -> None:
    made = fusion(route=route(temperature=2.0, final=0.5, steps=4))
    assert made.router is not None
    made(streams)  # evaluation: none
    expected = [2.0, 2.0**0.5, 1.0, 0.5**0.5, 0.5, 0.5]
    for tau in expected:
        assert made.router.temperature == pytest.approx(tau)
        made.train()(streams)
        made.eval()(streams)
        made.routes(streams)
    other = fusion(seed=3, route=route(temperature=2.0, final=0.5, steps=4))
    other.load_state_dict(made.state_dict())
    assert other.router is not None and int(other.router.draws) == len(expected)


def test_evaluation_draws_nothing_and_training_does(streams: Streams) -> None:
    made = fusion()
    first, second = made(streams), made(streams)
    assert torch.equal(first.values, second.values)
    assert torch.equal(made.train().gates(streams).values, made.eval().gates(streams).values)
    made.train()
    drawn = {tuple(made(streams).steps.flatten().tolist()) for _ in range(5)}
    assert len(drawn) == 5


def test_a_frozen_router_draws_nothing(streams: Streams) -> None:
    """A stage may train the gate alone: its routes are then those of evaluation."""
    made = fusion()
    expected = made(streams)
    assert made.router is not None
    made.train().router.requires_grad_(False)  # type: ignore[union-attr]
    assert torch.equal(made(streams).values, expected.values)
    assert int(made.router.draws) == 0
    assert {"share_rest", "gate_mean"} < {*made.gauges()}


def test_it_tells_what_it_has_just_seen(streams: Streams) -> None:
    made = fusion()
    assert made.gauges() == {"temperature": 1.0}
    torch.manual_seed(5)
    made.train()(streams)
    told = made.gauges()
    torch.manual_seed(5)
    manual = made.manual(streams)
    signed, spelled = (
        sum(
            torch.equal(manual.values[b, t], streams[name].values[b, t])
            for b, t in manual.mask.nonzero().tolist()
        )
        for name in NAMES[1:3]
    )
    steps = int(manual.mask.sum())
    assert told["share_signing"] == pytest.approx(signed / steps)
    assert told["share_fingerspelling"] == pytest.approx(spelled / steps)
    assert told["share_rest"] == pytest.approx((steps - signed - spelled) / steps)
    assert made.gate is not None
    gate = torch.sigmoid(made.gate(manual.values))[manual.mask].detach().numpy()
    assert told["gate_mean"] == pytest.approx(gate.mean(), abs=1e-6)
    assert told["gate_std"] == pytest.approx(gate.std(), abs=1e-6)


@pytest.mark.parametrize("on", ["manual", "both"])
def test_a_sample_alone_is_as_in_a_batch(streams: Streams, on: Any) -> None:
    made = fusion(route=route(window=3), gate=GateConfig("lips", on=on))
    together = made(streams)
    for sample, length in enumerate(together.lengths.tolist()):
        alone = made(
            {
                name: Sequence(
                    one.values[[sample], : int(one.lengths[sample])],
                    one.mask[[sample], : int(one.lengths[sample])],
                    one.rate[[sample]],
                )
                for name, one in streams.items()
            }
        )
        assert int(alone.lengths) == length
        torch.testing.assert_close(alone.values[0], together.values[sample, :length])


def test_a_stage_may_train_the_router_or_the_gate_alone() -> None:
    groups = {name: len(list(group)) for name, group in fusion().subparts().items()}
    assert groups == {"router": 2, "gate": 2}


def test_types() -> None:
    config = AdaptiveGateConfig(route(), GateConfig("lips"))
    slow = TensorType("b t d", {"d": D}, rate=Rate() / 4, modality=None)
    output = sign(config, typed(NAMES, lips=slow))
    assert output["d"] == D and output.rate == Rate() and output.axes == "b t d"
    width = Symbol("d")
    sign(config, typed(NAMES, lips=TensorType("b t d", {"d": width})))
    assert int(width.resolve()) == D


WRONG = {
    "absent": (route(on="frame"), GateConfig("lips"), NAMES, {}, '"frame" (`route.on`); did you'),
    "no expert": (route(), GateConfig("lips"), ["frames", "signing", "lips"], {}, "`route.betw"),
    "no lips": (route(), GateConfig("lip"), NAMES, {}, '"lip" (`gate.with`); did you mean "lips"'),
    "idle": (route(), None, NAMES, {}, 'hold "lips", which no key names'),
    "two hands": (None, GateConfig("lips"), NAMES[1:], {}, "need a `route`"),
    "lips alone": (None, GateConfig("lips"), ["lips"], {}, "need a `route`"),
    "frames": (
        route(), GateConfig("lips"), NAMES,
        {"frames": TensorType("b t c h w", dtype="uint8")}, '"frames" gives `b t c h w`',
    ),
    "widths": (
        route(), GateConfig("lips"), NAMES,
        {"lips": TensorType("b t d", {"d": Size(7, "dim", "streams.lips.mapper")})},
        'beside "signing", "lips" gives d = 7 (`streams.lips.mapper.dim`), d = 3 is needed',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told(name: str) -> None:
    routed, gate, streams, changes, message = WRONG[name]
    with pytest.raises(TypeMismatch) as caught:
        sign(AdaptiveGateConfig(routed, gate), typed(streams, **changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "`route`, `gate` or both are needed"),
        ({"gate": {"with": "lips", "per": "frame"}}, '"frame" is none of its values'),
        ({"route": {"on": "a", "between": ["b"]}}, "between"),
        ({"route": {"on": "a", "between": ["b", "b"]}}, "stands there twice"),
        ({"route": {"on": "a", "between": ["b", "rest"]}}, "stands there twice"),
        ({"route": {"on": "a", "between": ["b", "c"], "window": 2}}, "it must be odd"),
        ({"route": {"on": "a", "between": ["b", "c"], "final": 0.0}}, "final"),
    ],
)
def test_wrong_keys_are_told(table: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        configured("fusion", Use("adaptive-gate", table))


def test_a_recipe_writes_it_as_the_paper_is_told() -> None:
    table = {
        "route": {"on": "frames", "between": ["signing", "fingerspelling"], "rest": True},
        "gate": {"with": "lips", "per": "channel"},
    }
    config = structure(table, AdaptiveGateConfig, "fusion", print)
    assert config == AdaptiveGateConfig(route(), GateConfig("lips"))
    assert config.route.routes == ("signing", "fingerspelling", "rest")


def test_it_is_not_built_without_types() -> None:
    with pytest.raises(UserError, match=r"Context\(streams="):
        AdaptiveGate(AdaptiveGateConfig(route()))
