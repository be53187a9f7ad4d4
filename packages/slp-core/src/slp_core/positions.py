"""Where in its clip a step stands, as a Transformer is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def sinusoids(steps: int, dim: int) -> Tensor:
    """``steps dim`` positions: sin(p / 10000^(2i / dim)) beside its cosine (Vaswani et al.,
    arXiv:1706.03762, section 3.5); ``dim`` is even."""
    import torch

    frequencies = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000) / dim))
    angles = torch.arange(steps)[:, None] * frequencies  # (steps, dim / 2)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
