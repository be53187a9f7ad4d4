"""What every Transformer here is made of: positions, and PyTorch's own layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def sinusoids(times: Tensor, dim: int) -> Tensor:
    """``... t`` to ``... t dim``: sin(p / 10000^(2i / dim)) of every time p beside its cosine
    (Vaswani et al., arXiv:1706.03762, section 3.5)."""
    import torch

    even = torch.arange(0, dim, 2, device=times.device)
    angles = times[..., None] * torch.exp(even * (-math.log(10000) / dim))
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :dim]


def transformer_layers(
    dim: int, heads: int, ffn: int | None, dropout: float, layers: int
) -> nn.TransformerEncoder:
    """``b t dim`` to ``b t dim``: each layer normalises what it reads (pre-norm,
    arXiv:2002.04745), one more LayerNorm ends the stack. ``ffn`` left out: four times ``dim``."""
    from torch import nn

    layer = nn.TransformerEncoderLayer(
        dim,
        heads,
        ffn or 4 * dim,
        dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    return nn.TransformerEncoder(layer, layers, nn.LayerNorm(dim), enable_nested_tensor=False)
