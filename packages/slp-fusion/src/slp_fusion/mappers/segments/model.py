"""Means of a clip's equal parts, and two linear layers over all of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.segments.spec import SegmentsConfig
from slp_fusion.mappers.widths import built_widths


class SegmentsMapper(Mapper):
    """``b t d`` to ``b 1 dim``: for clips of one sign or letter, where little is known about
    when, and few clips would teach it.

    As temporal segment networks (Wang et al., arXiv:1608.00859) a clip is cut into equal
    parts, however long it is; their means are joined rather than averaged, so that first and
    last differ.
    """

    def __init__(self, config: SegmentsConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        self.norm = InputNorm(config.norm, width)
        self.layers = nn.Sequential(
            nn.Dropout(config.input_dropout),
            nn.Linear(config.segments * width, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, dim),
        )

    def forward(self, inputs: Sequence) -> Sequence:
        means = segment_means(self.norm(inputs), inputs.lengths, self.config.segments)  # (b, s, d)
        values = self.layers(means.flatten(1))[:, None]  # (b, 1, dim)
        mask = torch.ones_like(inputs.mask[:, :1])
        return Sequence(values, mask, torch.full_like(inputs.rate, torch.nan))


def segment_means(values: Tensor, lengths: Tensor, segments: int) -> Tensor:
    """``b t d`` to ``b s d``. Part s of t steps holds those from floor(s t / n) to
    ceil((s + 1) t / n), so that parts of a clip shorter than n steps share some."""
    part = torch.arange(segments, device=values.device)
    start = part * lengths[:, None] // segments  # (b, s)
    end = -(-(part + 1) * lengths[:, None] // segments)
    step = torch.arange(values.shape[1], device=values.device)
    inside = (step >= start[..., None]) & (step < end[..., None])  # (b, s, t)
    valid = step[None, :, None] < lengths[:, None, None]  # (b, t, 1)
    shares = inside.to(values.dtype) / (end - start)[..., None]  # no sum outgrows float16
    return shares @ values.masked_fill(~valid, 0)
