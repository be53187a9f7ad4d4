"""MMD against closed forms and a plain double loop."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.context import Context
from slp_fusion.objectives.mmd.spec import SPEC, MMDConfig

from .losses import WIDTH, assert_blind_to_padding, drawn, measured, padded


def objective(on: str = "decoder", **keys: Any) -> Any:
    one = SPEC.load()(MMDConfig(**keys), Context()).eval()
    one.on = on
    return one


def by_hand(ours: Tensor, theirs: Tensor, config: MMDConfig) -> float:
    """The formula of the docstring, a pair at a time, in float64."""
    points = [[float(x) for x in point] for point in [*ours, *theirs]]

    def squared(one: list[float], other: list[float]) -> float:
        return sum((x - y) ** 2 for x, y in zip(one, other, strict=True))

    pairs = [squared(x, y) for n, x in enumerate(points) for y in points[:n]]
    median = sorted(pairs)[(len(pairs) - 1) // 2]
    sigma = median if config.sigma is None else config.sigma**2

    def mean(some: list[list[float]], others: list[list[float]]) -> float:
        return sum(
            math.exp(-squared(x, y) / (2 * width**2 * sigma))
            for x in some
            for y in others
            for width in config.widths
        ) / (len(some) * len(others))

    s, t = points[: len(ours)], points[len(ours) :]
    return mean(s, s) + mean(t, t) - 2 * mean(s, t)


@settings(max_examples=30)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    seed=st.integers(0, 99),
    apart=st.sampled_from([0.0, 1.0, 100.0]),
    keys=st.sampled_from([{}, {"sigma": 2.0}, {"widths": [0.5, 3.0]}]),
)
def test_by_hand(lengths: Any, seed: int, apart: float, keys: Any) -> None:
    signs, texts = (
        drawn([*column], seed + k) for k, column in enumerate(zip(*lengths, strict=True))
    )
    signs, one = [sign + apart for sign in signs], objective(**keys)
    loss = measured(one, padded(signs), padded(texts))
    expected = by_hand(torch.cat(signs), torch.cat(texts), one.config)
    assert loss.item() / len(signs) == pytest.approx(expected, rel=1e-4, abs=2e-5)


def test_two_points() -> None:
    """One of each side: 2 - 2 k. Their distance is the median, whatever it is."""
    here, there = torch.zeros(1, WIDTH), torch.full((1, WIDTH), 3.0)
    loss = measured(objective(widths=[0.5, 2.0]), padded([here]), padded([there]))
    assert loss.item() == pytest.approx(2 * (2 - math.exp(-2) - math.exp(-1 / 8)))
    fixed = measured(objective(widths=[1.0], sigma=3.0), padded([here]), padded([there]))
    assert fixed.item() == pytest.approx(2 - 2 * math.exp(-WIDTH / 2))


def test_equal_sets_do_not_differ() -> None:
    points = drawn([4, 3])
    assert measured(objective(), padded(points), padded(points)).item() == pytest.approx(
        0, abs=1e-5
    )
    others = padded([torch.cat(points)[:2], torch.cat(points)[2:]])  # as one set
    assert measured(objective(), padded(points), others).item() == pytest.approx(0, abs=1e-5)
    assert float(measured(objective(), padded(points), padded(drawn([4, 3], 1)))) > 0.1


def test_far_from_the_origin() -> None:
    """Distances, not positions, count; nothing cancels out in float32."""
    signs, texts, one = drawn([6, 5]), drawn([4, 7], 1), objective()
    loss = float(measured(one, padded(signs), padded(texts)))
    away = measured(one, padded([s + 1000 for s in signs]), padded([t + 1000 for t in texts]))
    assert loss == pytest.approx(away.item(), rel=1e-2)
    scaled = measured(one, padded([s * 30 for s in signs]), padded([t * 30 for t in texts]))
    assert loss == pytest.approx(scaled.item(), rel=1e-4)


def test_gradients() -> None:
    """To the signs only, as finite differences have it where sigma stands still."""
    signs, texts, one = padded(drawn([3, 2])), padded(drawn([2, 4], 1)), objective(sigma=2.0)
    for side in (signs, texts):
        side.values.requires_grad_()
    measured(one, signs, texts).backward()
    assert texts.values.grad is None
    for place in ((0, 1, 2), (1, 0, 4)):
        ends = []
        for step in (1e-4, -1e-4):
            values = signs.values.detach().clone()
            values[place] += step
            moved, still = values[signs.mask].double(), texts.values.detach()[texts.mask].double()
            ends.append(2 * by_hand(moved, still, one.config))
        assert float(signs.values.grad[place]) == pytest.approx(
            (ends[0] - ends[1]) / 2e-4, rel=1e-3, abs=1e-5
        )


@pytest.mark.parametrize("seed", range(4))  # the median may lie between two tokens of text
def test_no_gradient_flows_through_the_median(seed: int) -> None:
    sides, found = (drawn([4, 5], seed), drawn([1, 2], seed + 1)), []
    points = torch.cat([*sides[0], *sides[1]])
    for sigma in (None, float(torch.pdist(points).median())):
        signs = padded(sides[0])
        signs.values.requires_grad_()
        measured(objective(sigma=sigma), signs, padded(sides[1])).backward()
        found.append(signs.values.grad)
    assert torch.allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize("twins", ["signs", "sides", "all"])
def test_finite_where_points_coincide(twins: str) -> None:
    (point,), (other,) = drawn([1]), drawn([1], 1)
    signs = padded([point.repeat(3, 1), point])
    texts = padded([other, drawn([2], 2)[0]])
    if twins == "sides":
        texts = padded([point, other])
    if twins == "all":
        texts = padded([point, point])
    signs.values.requires_grad_()
    loss = measured(objective(), signs, texts)
    loss.backward()
    assert loss.isfinite() and signs.values.grad.isfinite().all()
    if twins == "all":
        assert loss.item() == pytest.approx(0, abs=1e-5)
        assert float(signs.values.grad.abs().max()) < 1e-3


def test_padding_changes_nothing() -> None:
    assert_blind_to_padding(objective())


def test_of_many_tokens_some_are_taken() -> None:
    signs, texts = drawn([10, 11]), drawn([4, 3], 1)
    one = objective(max_tokens=7)
    kept = torch.cat(signs)[[0, 3, 6, 9, 12, 15, 18]]  # 21 x k / 7
    expected = by_hand(kept, torch.cat(texts), one.config)
    loss = measured(one, padded(signs), padded(texts))
    assert loss.item() / 2 == pytest.approx(expected, abs=1e-5)
    assert torch.equal(measured(one, padded(signs), padded(texts)), loss)
    one.train()
    points = torch.arange(21.0)[:, None]
    torch.manual_seed(0)
    draws = [one._some(points).flatten().tolist() for _ in range(60)]
    assert all(len(set(draw)) == 7 for draw in draws)
    assert {point for draw in draws for point in draw} == set(range(21))


def test_float32_under_autocast() -> None:
    signs, texts = padded(drawn([3, 2, 5])), padded(drawn([3, 2, 4], 1))
    plain = measured(objective(), signs, texts)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(measured(objective(), signs, texts), plain)


def test_on_names_a_part() -> None:
    signs, texts = padded(drawn([3, 2])), padded(drawn([3, 2], 1))
    loss = measured(objective(), signs, texts)
    assert torch.equal(measured(objective("mapper"), signs, texts, where="mapper"), loss)


@pytest.mark.parametrize("keys", [{"widths": []}, {"widths": [1.0, 0.0]}, {"sigma": 0.0}])
def test_refuses(keys: Any) -> None:
    with pytest.raises(ValueError, match="widths|sigma"):
        MMDConfig(**keys)
