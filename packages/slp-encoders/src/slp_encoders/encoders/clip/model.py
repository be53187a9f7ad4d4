"""CLIP's vision transformer (arXiv:2103.00020) from Hugging Face transformers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from slp_encoders.encoders.pictures import PictureEncoder


class ClipEncoder(PictureEncoder):
    """Pictures ``b t c h w`` of bytes to vectors ``b t d``.

    ``projection`` is ``CLIPModel.get_image_features``, as MultimodalHugs takes it; ``pooled`` the
    class token after the final LayerNorm; ``last`` the class token before it, as SpaMo takes
    ``hidden_states[-1][:, 0]``.

    ``scales`` are S2's (arXiv:2403.13043): at scale ``s`` the normalised picture is enlarged
    ``s`` times (bicubic), cut into ``s`` by ``s`` tiles of the network's size, and the tiles'
    vectors are averaged. Scales are concatenated over the channels, ``d`` each.
    """

    title = "CLIP"
    kinds = (CLIPVisionConfig,)

    def _vision_config(self, whole: Any) -> Any:
        vision = super()._vision_config(whole)
        vision.projection_dim = whole.projection_dim  # the whole CLIP's, where there is one
        return vision

    def _network_class(self) -> Any:
        projected = self.config.output == "projection"
        return CLIPVisionModelWithProjection if projected else super()._network_class()

    def sizes(self) -> dict[str, int]:
        projected = self.config.output == "projection"
        width = self.vision.projection_dim if projected else self.vision.hidden_size
        return {"d": width * len(self.config.scales)}

    def encode(self, pictures: Tensor) -> Tensor:
        return torch.cat([self._at_scale(pictures, scale) for scale in self.config.scales], -1)

    def _at_scale(self, pictures: Tensor, scale: int) -> Tensor:
        """``n c h w`` to ``n d``: the mean over ``scale`` by ``scale`` tiles."""
        height, width = pictures.shape[-2:]
        enlarged = F.interpolate(pictures, size=(scale * height, scale * width), mode="bicubic")
        tiles = rearrange(enlarged, "n c (i h) (j w) -> (i j n) c h w", i=scale, j=scale)
        seen = torch.cat([self._vector(some) for some in tiles.split(self.config.batch)])
        return reduce(seen, "(tiles n) d -> n d", "mean", tiles=scale**2)

    def _vector(self, pictures: Tensor) -> Tensor:
        """``n c h w`` to ``n d``."""
        seen = self.network(pictures)
        if self.config.output == "projection":
            return seen.image_embeds
        if self.config.output == "pooled":
            return seen.pooler_output
        return seen.last_hidden_state[:, 0]
