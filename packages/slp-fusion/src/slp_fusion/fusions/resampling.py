"""One stream's steps on the clock of another."""

from __future__ import annotations

import torch
from torch import Tensor

from slp_core.sequence import Sequence


def pace(source: Sequence, onto: Sequence) -> Tensor:
    """``b``: steps of ``source`` for each step of ``onto``. By their rates (Hz) where a sample has
    both; otherwise by their lengths, as if both were of the same clip."""
    lengths = source.lengths / onto.lengths.clamp(min=1)
    ratio = source.rate / onto.rate
    return torch.where(ratio.isnan(), lengths, ratio)


def resample(source: Sequence, onto: Sequence) -> Sequence:
    """``b t d`` to ``b t' d``: the values of ``source`` at the times of the steps of ``onto``.

    A step stands for its middle: the i-th at (i + 1/2) / rate. Between two middles it is linear,
    before the first and behind the last it holds their values. Each sample ends where its own
    steps end; the padding of ``source`` is not read and that of the output is zero.
    """
    steps = torch.arange(onto.mask.shape[1], device=onto.mask.device)
    position = (steps + 0.5) * pace(source, onto)[:, None] - 0.5  # (b, t'), in steps of source
    last = (source.lengths - 1).clamp(min=0)[:, None]
    position = position.clamp(min=0).minimum(last)
    left = position.long()
    before = _at(source.values, left)  # (b, t', d)
    after = _at(source.values, (left + 1).minimum(last))
    between = torch.lerp(before, after, (position - left)[..., None].to(before))
    return Sequence(between.masked_fill(~onto.mask[..., None], 0), onto.mask, onto.rate)


def _at(values: Tensor, steps: Tensor) -> Tensor:
    return values.gather(1, steps[..., None].expand(-1, -1, values.shape[2]))
