"""A table of vectors."""

from __future__ import annotations

from torch import nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Encoder
from slp_core.sequence import Sequence
from slp_encoders.encoders.embedding.spec import EmbeddingConfig


class EmbeddingEncoder(Encoder):
    """Token ids ``b t`` to vectors ``b t d``, drawn from a standard normal at first."""

    def __init__(self, config: EmbeddingConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        if context.inputs is None:
            raise UserError("an embedding is built with Context(inputs=...), the type of its ids")
        self.table = nn.Embedding(context.inputs.known("vocabulary"), config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(self.dropout(self.table(inputs.values)))
