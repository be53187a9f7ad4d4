"""SigLIP's vision transformer (arXiv:2303.15343) from Hugging Face transformers."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import SiglipVisionConfig

from slp_encoders.encoders.pictures import PictureEncoder


class SiglipEncoder(PictureEncoder):
    """Pictures ``b t c h w`` of bytes to vectors ``b t d``.

    ``pooled`` is ``SiglipModel.get_image_features``; ``patch-mean`` the mean of the patches after
    the final LayerNorm (SigLIP has no class token).
    """

    title = "SigLIP"
    kinds = (SiglipVisionConfig,)

    def _vision_config(self, whole: Any) -> Any:
        vision = super()._vision_config(whole)
        vision.vision_use_head = self.config.output == "pooled"
        return vision

    def encode(self, pictures: Tensor) -> Tensor:
        seen = self.network(pictures)
        return seen.pooler_output if self.network.use_head else seen.last_hidden_state.mean(1)
