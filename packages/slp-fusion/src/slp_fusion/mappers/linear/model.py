"""A norm, a linear layer, dropout."""

from __future__ import annotations

import torch
from torch import nn

from slp_core.context import Context
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_fusion.mappers.linear.spec import LinearConfig
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.widths import built_widths


class LinearMapper(Mapper):
    """``b t d`` to ``b t dim``, the default mapper of MultimodalHugs (arXiv:2509.09729)."""

    def __init__(self, config: LinearConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        self.norm = InputNorm(config.norm, width)
        self.linear = nn.Linear(width, dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        if self.training and self.config.max_steps is not None:
            inputs = random_window(inputs, self.config.max_steps)
        return inputs.with_values(self.dropout(self.linear(self.norm(inputs))))


def random_window(inputs: Sequence, steps: int) -> Sequence:
    """``b t d`` to ``b t' d``: of each longer sample ``steps`` steps in a row, drawn evenly."""
    spare = (inputs.lengths - steps).clamp(min=0)
    start = (torch.rand(len(spare), device=spare.device) * (spare + 1)).long()
    window = torch.arange(min(steps, inputs.mask.shape[1]), device=spare.device)
    place = torch.arange(len(spare), device=spare.device)[:, None], start[:, None] + window
    codes = None if inputs.codes is None else inputs.codes[place]
    return Sequence(inputs.values[place], inputs.mask[place], inputs.rate, codes)
