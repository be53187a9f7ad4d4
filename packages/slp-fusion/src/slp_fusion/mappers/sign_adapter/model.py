"""The sign adapter of SpaMo, with its padding masked."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.norm import MaskedBatchNorm
from slp_core.parts import Mapper
from slp_core.sequence import Sequence, lengths_to_mask
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.sign_adapter.spec import SignAdapterConfig
from slp_fusion.mappers.widths import built_widths

KERNEL = 5
EDGE = 8  #: times that MMSLT repeats the first step of a clip, and at least its last one
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


class SignAdapter(Mapper):
    """``b t d`` to ``b t' dim`` (SpaMo, arXiv:2408.10593, section 3.3).

    The block K5-P2-K5-P2 of GFSLT (arXiv:2307.14768), then a linear layer, GELU and a linear
    layer. Of t steps, ``floor(t / 4) - 3`` come out, or ``floor(t / 4)`` with ``pad = "same"``. A
    clip too short for one step repeats its last one. With ``pad = "edge"`` both ends of every clip
    are repeated (MMSLT, arXiv:2411.16789), and ``ceil(t / 4) + 1`` steps come out. Where SpaMo and
    GFSLT normalise over the padding too, so that a clip depends on what it is batched with, valid
    steps alone are seen here unless ``unmasked``.
    """

    def __init__(self, config: SignAdapterConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        self.norm = InputNorm(config.norm, width)
        self.tcn = nn.Sequential()
        if config.tcn:
            channels, padding = config.channels or width, KERNEL // 2 * (config.pad == "same")
            self.tcn.append(Block(width, channels, padding, config.unmasked))
            self.tcn.append(Block(channels, channels, padding, config.unmasked))
            self.least = 4 if padding else 16  # steps in for one step out
            width = channels
        hidden = config.hidden or dim
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), ACTIVATIONS[config.activation](), nn.Linear(hidden, dim)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        steps = inputs.with_values(self.norm(inputs))
        if self.config.tcn:
            edge = self.config.pad == "edge"
            steps = with_edges(steps) if edge else lengthened(steps, self.least)
            steps = self.tcn(steps)  # (b, t', channels)
        return steps.with_values(self.dropout(self.mlp(steps.values)))


class Block(nn.Module):
    """``b t d`` to ``b t' c``: convolution over five steps, batch norm, ReLU, the larger of two."""

    def __init__(self, width: int, channels: int, padding: int, unmasked: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, channels, KERNEL, padding=padding)
        self.norm = MaskedBatchNorm(channels)
        self.unmasked = unmasked

    def forward(self, inputs: Sequence) -> Sequence:
        values = inputs.values.masked_fill(~self._seen(inputs.mask)[..., None], 0)
        values = self.conv(values.mT).mT  # (b, t - 4, c), or (b, t, c)
        lengths = inputs.lengths - (inputs.values.shape[1] - values.shape[1])
        seen = self._seen(lengths_to_mask(lengths, values.shape[1]))
        values = F.relu(self.norm(Sequence(values, seen, inputs.rate)).values)
        values = F.max_pool1d(values.mT, 2).mT  # (b, t', c)
        return Sequence(values, lengths_to_mask(lengths // 2, values.shape[1]), inputs.rate / 2)

    def _seen(self, mask: Tensor) -> Tensor:
        return torch.ones_like(mask) if self.unmasked else mask


def lengthened(inputs: Sequence, least: int) -> Sequence:
    """Clips of fewer than ``least`` steps repeat their last one; zeros in the padding."""
    values = inputs.values.masked_fill(~inputs.mask[..., None], 0)
    values = F.pad(values, (0, 0, 0, max(0, least - values.shape[1])))  # (b, t', d)
    step = torch.arange(values.shape[1], device=values.device)
    lengths = inputs.lengths[:, None]
    repeats = (step >= lengths) & (step < least)  # (b, t')
    source = torch.where(repeats, lengths - 1, step)
    values = values.gather(1, source[..., None].expand_as(values))
    mask = lengths_to_mask(inputs.lengths.clamp(min=least), values.shape[1])
    return Sequence(values, mask, inputs.rate)


def with_edges(inputs: Sequence) -> Sequence:
    """Clips of t steps to ``4 ceil(t / 4) + 16``: the first ``EDGE`` times before them, behind them
    the last up to a multiple of four and ``EDGE`` times more; zeros in the padding."""
    steps = _fourfold(inputs.values.shape[1]) + 2 * EDGE
    lengths = _fourfold(inputs.lengths) + 2 * EDGE
    place = torch.arange(steps, device=inputs.values.device) - EDGE
    source = place.clamp(min=0).minimum(inputs.lengths[:, None] - 1)  # (b, t')
    values = inputs.values.gather(1, source[..., None].expand(-1, -1, inputs.values.shape[2]))
    mask = lengths_to_mask(lengths, steps)
    return Sequence(values.masked_fill(~mask[..., None], 0), mask, inputs.rate)


def _fourfold(steps: Any) -> Any:
    """The next multiple of four."""
    return -(-steps // 4) * 4
