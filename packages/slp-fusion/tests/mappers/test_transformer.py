"""The Transformer mapper against attention written out, and what its windows let through."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType
from slp_fusion.mappers.transformer.model import TransformerMapper, unseen_steps
from slp_fusion.mappers.transformer.spec import TransformerConfig

WIDTH, DIM, HEADS = 6, 8, 2


def built(width: int = WIDTH, **keys: Any) -> TransformerMapper:
    torch.manual_seed(0)
    context = Context(inputs=TensorType("b t d", {"d": width}))
    keys = {"dim": DIM, "heads": HEADS, "layers": 2, **keys}
    part = TransformerMapper(TransformerConfig(**keys), context)
    for weight in part.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    return part.eval()


def batch(*lengths: int, width: int = WIDTH) -> Sequence:
    torch.manual_seed(1)
    return Sequence.pad([torch.randn(n, width) for n in lengths], [25.0] * len(lengths))


def written_out(part: TransformerMapper, values: Tensor, window: int | None) -> Tensor:
    """``t d`` to ``t dim`` of one clip, a head, a step and a seen step at a time."""
    hidden = part.linear(part.norm.norm(values))
    for place, step in enumerate(hidden):
        for pair in range(DIM // 2):
            angle = place / 10000 ** (2 * pair / DIM)
            step[2 * pair] += math.sin(angle)
            step[2 * pair + 1] += math.cos(angle)
    for layer in part.layers.layers:
        attention = layer.self_attn
        q, k, v = (layer.norm1(hidden) @ attention.in_proj_weight.T + attention.in_proj_bias).split(
            DIM, 1
        )
        heads = []
        for q_, k_, v_ in zip(*(one.split(DIM // HEADS, 1) for one in (q, k, v)), strict=True):
            steps = []
            for place in range(len(values)):
                reach = len(values) if window is None else window
                seen = slice(max(0, place - reach), place + reach + 1)
                weights = (k_[seen] @ q_[place] / math.sqrt(DIM // HEADS)).softmax(0)
                steps.append(weights @ v_[seen])
            heads.append(torch.stack(steps))
        hidden = hidden + attention.out_proj(torch.cat(heads, 1))
        hidden = hidden + layer.linear2(F.gelu(layer.linear1(layer.norm2(hidden))))
    return part.layers.norm(hidden)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("window", [None, 1, 3])
def test_it_is_attention_written_out(window: int | None, gradient: bool) -> None:
    """PyTorch takes another way in evaluation without gradient."""
    part, inputs = built(window=window), batch(7, 4, 9)
    with torch.set_grad_enabled(gradient):
        output = part(inputs)
    for values, length, ours in zip(inputs.values, (7, 4, 9), output.values, strict=True):
        with torch.no_grad():
            expected = written_out(part, values[:length], window)
        assert torch.allclose(ours[:length], expected, atol=1e-4)
        assert not ours[length:].any()


@pytest.mark.parametrize("window", [1, 2])
def test_a_step_sees_its_neighbours_alone(window: int) -> None:
    """In two layers, two windows to either side; what is further away has no gradient."""
    part, inputs = built(window=window), batch(20)
    values = inputs.values.requires_grad_()
    part(inputs.with_values(values)).values[0, 10].sum().backward()
    assert values.grad is not None
    seen = values.grad[0].abs().sum(1).nonzero().flatten().tolist()
    assert seen == [*range(10 - 2 * window, 11 + 2 * window)]


def test_who_sees_whom() -> None:
    mask = torch.tensor([[True, True, False, False]])
    assert (~unseen_steps(mask, 1)).int().tolist() == [
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    ]


@pytest.mark.parametrize("window", [None, 2])
def test_padding_changes_no_gradient(window: int | None) -> None:
    found = []
    for extra, padding in ((0, 0.0), (9, math.nan)):
        part, inputs = built(window=window), batch(5, 3)
        values = F.pad(inputs.values, (0, 0, 0, extra))
        mask = F.pad(inputs.mask, (0, extra))
        values = values.masked_fill(~mask[..., None], padding)
        part(Sequence(values, mask, inputs.rate)).steps.square().sum().backward()
        found.append(torch.cat([weight.grad.flatten() for weight in part.parameters()]))
    assert found[0].isfinite().all() and torch.allclose(*found, rtol=1e-3, atol=1e-3)


def test_positions_tell_steps_apart() -> None:
    part = built(width=DIM, norm="none")
    assert isinstance(part.linear, torch.nn.Identity)
    same = Sequence.pad([torch.ones(4, DIM)], [25.0])
    values = part(same).values[0]
    assert (values[1:] - values[:-1]).abs().amax(1).min() > 1e-3


@pytest.mark.parametrize(("dim", "heads"), [(9, 3), (8, 3)])
def test_widths_that_do_not_fit_are_told(dim: int, heads: int) -> None:
    with pytest.raises(UserError, match=f"dim is {dim}, heads {heads}; dim must be even"):
        built(dim=dim, heads=heads)
