"""DINOv2 (arXiv:2304.07193), with registers (arXiv:2309.16588) or without."""

from __future__ import annotations

from torch import Tensor
from transformers import Dinov2Config, Dinov2WithRegistersConfig
from transformers.image_processing_utils import get_size_dict

from slp_core.errors import UserError
from slp_encoders.encoders.pictures import PictureEncoder


class DinoV2Encoder(PictureEncoder):
    """Pictures ``b t c h w`` of bytes to vectors ``b t d``: 384, 768, 1024 or 1536 wide.

    Both outputs come after the final LayerNorm: ``cls`` is the class token, ``patch-mean`` the
    mean of the patches, without the class token and the registers. Pictures may be of any size
    that is a whole number of patches, the network stretches its positions: ``extract`` gives it
    those its checkpoint was evaluated with, of 224 pixels.
    """

    title = "DINOv2"
    kinds = (Dinov2Config, Dinov2WithRegistersConfig)

    @property
    def side(self) -> int:
        return int(get_size_dict(self.preprocessor["crop_size"])["height"])

    def _refuse_other_size(self, height: int, width: int) -> None:
        patch = self.vision.patch_size
        if height % patch or width % patch:
            raise UserError(
                f"{self.where}: {self.config.model} sees patches of {patch} x {patch} pixels, the "
                f"processor gives pictures of {height} x {width}; set its size to a multiple of "
                f"{patch}, as {16 * patch}"
            )

    def encode(self, pictures: Tensor) -> Tensor:
        tokens = self.network(pictures).last_hidden_state  # (n, class registers patches, d)
        if self.config.output == "cls":
            return tokens[:, 0]
        prefix = 1 + getattr(self.vision, "num_register_tokens", 0)
        return tokens[:, prefix:].mean(1)
