"""PyTorch's own Transformer encoder, with positions, and with its padding masked."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_core.transformer import sinusoids, transformer_layers
from slp_fusion.mappers.norms import InputNorm
from slp_fusion.mappers.transformer.spec import TransformerConfig
from slp_fusion.mappers.widths import built_widths


class TransformerMapper(Mapper):
    """``b t d`` to ``b t dim`` (Vaswani et al., arXiv:1706.03762), the fusion encoder of
    SignBind-LLM (arXiv:2509.00030).

    A linear layer if the widths differ, sinusoidal positions, then pre-norm layers. A step sees
    all steps of its clip, or with ``window`` so many to either side in every layer. Padding is
    seen by nobody and comes out as zeros.
    """

    config: TransformerConfig

    def __init__(self, config: TransformerConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        width, dim = built_widths(config.dim, context)
        if dim % 2 or dim % config.heads:
            raise UserError(
                f"{context.path or 'transformer'}: dim is {dim}, heads {config.heads}; dim must be "
                "even and a multiple of heads"
            )
        self.norm = InputNorm(config.norm, width)
        self.linear = nn.Linear(width, dim) if width != dim else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.layers = transformer_layers(
            dim, config.heads, config.ffn, config.dropout, config.layers
        )

    def forward(self, inputs: Sequence) -> Sequence:
        padding = ~inputs.mask[..., None]
        clean = inputs.with_values(inputs.values.masked_fill(padding, 0))
        values = self.linear(self.norm(clean))  # (b, t, dim)
        places = torch.arange(values.shape[1], device=values.device)
        values = self.dropout(values + sinusoids(places, values.shape[2]).to(values))
        if self.config.window is None:
            values = self.layers(values, src_key_padding_mask=~inputs.mask)
        else:
            unseen = unseen_steps(inputs.mask, self.config.window)
            values = self.layers(values, unseen.repeat_interleave(self.config.heads, 0))
        return inputs.with_values(values.masked_fill(padding, 0))


def unseen_steps(mask: Tensor, window: int) -> Tensor:
    """``b t`` to ``b t t``: True where the step of the row does not see that of the column: it is
    more than ``window`` away, or padding. A step sees itself, for else it would be of no number.
    """
    place = torch.arange(mask.shape[1], device=mask.device)
    away = (place[:, None] - place).abs()  # (t, t)
    return (away > window) | (~mask[:, None] & (away > 0))
