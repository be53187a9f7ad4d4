"""LayerNorm, linear layer, dropout."""

from __future__ import annotations

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
        return inputs.with_values(self.dropout(self.linear(self.norm(inputs))))
