"""Gated recurrent units, both ways through time."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_fusion.mappers.gru.spec import GRUConfig
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.widths import built_widths


class GRUMapper(Mapper):
    """``b t d`` to ``b t dim`` (Cho et al., arXiv:1406.1078): half of ``dim`` each way.

    Padding is never read: the way back begins at each sample's own last step.
    """

    def __init__(self, config: GRUConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        if dim % 2:
            raise UserError(f"{context.path or 'gru'}: dim is {dim}, an even number is needed")
        self.norm = InputNorm(config.norm, width)
        self.input_dropout = nn.Dropout(config.input_dropout)
        between = config.dropout if config.layers > 1 else 0.0
        self.gru = nn.GRU(
            width, dim // 2, config.layers, batch_first=True, bidirectional=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        values = self.input_dropout(self.norm(inputs))
        lengths = inputs.lengths.cpu()
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        steps = inputs.mask.shape[1]
        output, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=steps)
        return inputs.with_values(self.dropout(output))
