"""A norm, then linear layers with an activation and dropout between them."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from slp_core.context import Context
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_fusion.mappers.mlp.spec import MLPConfig
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.widths import built_widths

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


class MLPMapper(Mapper):
    """``b t d`` to ``b t dim``, each step by itself."""

    def __init__(self, config: MLPConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        self.norm = InputNorm(config.norm, width)
        hidden = [config.hidden or dim] * (config.layers - 1)
        layers: list[nn.Module] = []
        for ours, theirs in pairwise([width, *hidden]):
            layers += [nn.Linear(ours, theirs), ACTIVATIONS[config.activation]()]
            layers += [nn.Dropout(config.dropout)]
        layers += [nn.Linear(hidden[-1], dim), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(self.layers(self.norm(inputs)))
