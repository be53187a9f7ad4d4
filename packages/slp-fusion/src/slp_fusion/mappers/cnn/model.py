"""The CNN adapter of MultimodalHugs, with its padding masked."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Mapper
from slp_core.sequence import Sequence, lengths_to_mask
from slp_fusion.mappers.cnn.spec import CNNConfig
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.widths import built_widths


class CNNMapper(Mapper):
    """``b t d`` to ``b t' dim`` (arXiv:2509.09729, ``cnn_adapter``).

    A norm, a linear layer if the widths differ, then convolutions over time, each followed by
    a gated linear unit (arXiv:1612.08083) that halves its channels. A layer of stride s makes
    ``floor((t - 1) / s) + 1`` steps of t. Where MultimodalHugs convolves over whatever the
    padding holds, padded steps are zeroed before every layer here, as if each sample ended there.
    """

    def __init__(self, config: CNNConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        if len(config.kernels) > 1 and config.factor * dim % 2:
            raise UserError(
                f"{context.path or 'cnn'}: factor x dim is {config.factor * dim}, "
                "an even number is needed: the gate halves it"
            )
        self.norm = InputNorm(config.norm, width)
        self.linear = nn.Linear(width, dim) if width != dim else nn.Identity()
        self.layers = nn.ModuleList()
        reads = dim
        for number, kernel in enumerate(config.kernels, start=1):
            gated = 2 * dim if number == len(config.kernels) else config.factor * dim
            stride = config.strides[number - 1]
            self.layers.append(nn.Conv1d(reads, gated, kernel, stride, padding=kernel // 2))
            reads = gated // 2
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        values = self.linear(self.norm(inputs)).mT  # (b, d, t)
        mask, lengths = inputs.mask, inputs.lengths
        for layer, stride in zip(self.layers, self.config.strides, strict=True):
            values = F.glu(layer(values.masked_fill(~mask[:, None], 0)), dim=1)  # (b, d, t')
            lengths = (lengths - 1) // stride + 1
            mask = lengths_to_mask(lengths, values.shape[2])
        rate = inputs.rate / math.prod(self.config.strides)
        return Sequence(self.dropout(values.mT), mask, rate)
