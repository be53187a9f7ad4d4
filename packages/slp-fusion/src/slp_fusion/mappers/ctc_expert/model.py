"""The experts of SignBind-LLM: a network over the steps, and what it reads off them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor, nn

from slp_core.context import Context
from slp_core.ctc import Transcriber, Units
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType
from slp_fusion.mappers.cnn.model import CNNMapper
from slp_fusion.mappers.cnn.spec import CNNConfig
from slp_fusion.mappers.config import Norm
from slp_fusion.mappers.ctc_expert.spec import CTCExpertConfig
from slp_fusion.mappers.gru.model import GRUMapper
from slp_fusion.mappers.gru.spec import GRUConfig
from slp_fusion.mappers.linear.model import LinearMapper
from slp_fusion.mappers.linear.spec import LinearConfig
from slp_fusion.mappers.transformer.model import TransformerMapper
from slp_fusion.mappers.transformer.spec import TransformerConfig
from slp_fusion.mappers.widths import built_widths

KERNEL = 5  #: of the network "conv"


class CTCExpert(Mapper, Transcriber):
    """``b t d`` to hidden states ``b t' dim``, off which a linear layer reads ``target`` by CTC
    (SignBind-LLM, arXiv:2509.00030: signs, spelled letters and mouthing have one each, and it is
    the hidden states that are fused).

    The objective ``ctc`` on it trains both. Units are learnt from the training rows' column.

    Raises:
        UserError: no training rows to learn units from, or nothing tells a width.
    """

    config: CTCExpertConfig

    def __init__(self, config: CTCExpertConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.column, self.beams = config.target, config.beams
        self.units = Units.of(config, config.target, context)
        width, dim = built_widths(config.dim, context)
        self.layers = nn.Sequential()
        norm = config.norm
        if config.stride > 1:
            kernel = config.stride // 2 * 2 + 1
            strided = CNNConfig(dim, norm, 0.0, kernels=[kernel], strides=[config.stride])
            self.layers.append(CNNMapper(strided, _reading(width, context)))
            width, norm = dim, "layer"
        self.layers.append(_network(config, dim, norm, _reading(width, context)))
        self.head = nn.Linear(dim, len(self.units))

    def subparts(self) -> dict[str, Iterable[nn.Parameter]]:
        """``head``: the linear layer that reads."""
        return {"head": self.head.parameters()}

    def save_assets(self, folder: Path) -> None:
        self.units.save(folder)

    def forward(self, inputs: Sequence) -> Sequence:
        clean = inputs.values.masked_fill(~inputs.mask[..., None], 0)
        return self.layers(inputs.with_values(clean))

    def logits(self, steps: Sequence) -> Tensor:
        return steps.with_steps(self.head(steps.steps)).values


def _reading(width: int, context: Context) -> Context:
    return Context(path=context.path, inputs=TensorType("b t d", {"d": width}))


def _network(config: CTCExpertConfig, dim: int, norm: Norm, context: Context) -> Mapper:
    """``b t d`` to ``b t dim``."""
    shared, layers = (dim, norm, config.dropout), config.layers
    if config.network == "transformer":
        transformer = TransformerConfig(
            *shared, layers=layers, heads=config.heads, window=config.window
        )
        return TransformerMapper(transformer, context)
    if config.network == "gru":
        return GRUMapper(GRUConfig(*shared, layers=layers), context)
    if config.network == "conv":
        cnn = CNNConfig(*shared, kernels=[KERNEL] * layers, strides=[1] * layers)
        return CNNMapper(cnn, context)
    return LinearMapper(LinearConfig(*shared), context)
