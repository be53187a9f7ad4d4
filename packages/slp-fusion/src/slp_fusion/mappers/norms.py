"""Normalising what a mapper reads."""

from __future__ import annotations

from torch import Tensor, nn

from slp_core.norm import MaskedBatchNorm
from slp_core.sequence import Sequence
from slp_fusion.mappers.config import Norm


class InputNorm(nn.Module):
    """``b t d`` to ``b t d``, by ``kind``.

    ``layer``: each step by itself (MultimodalHugs). ``batch``: each channel over the training
    data, which lets small movements count beside large ones: fingers beside arms.
    """

    def __init__(self, kind: Norm, width: int) -> None:
        super().__init__()
        self.kind = kind
        norms = {"layer": nn.LayerNorm, "batch": MaskedBatchNorm, "none": nn.Identity}
        self.norm: nn.Module = norms[kind](width)

    def forward(self, inputs: Sequence) -> Tensor:
        if self.kind == "batch":
            return self.norm(inputs).values
        # NaN in the padding would reach the gradients of the weights as 0 * NaN
        return self.norm(inputs.values.masked_fill(~inputs.mask[..., None], 0))
