"""CLIP's vision transformer (arXiv:2103.00020) from Hugging Face transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    CLIPConfig,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
)
from transformers.image_processing_base import ImageProcessingMixin

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.parts import Encoder
from slp_core.sequence import Sequence
from slp_encoders.encoders.clip.spec import ClipConfig
from slp_encoders.hub import loading

PREPROCESSOR = "preprocessor_config.json"


class ClipEncoder(Encoder):
    """Pictures ``b t c h w`` of bytes to vectors ``b t d``.

    ``projection`` is ``CLIPModel.get_image_features``, as MultimodalHugs takes it; ``pooled`` the
    class token after the final LayerNorm; ``last`` the class token before it, as SpaMo takes
    ``hidden_states[-1][:, 0]``. Only valid steps go through the network.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ClipConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.where = context.path or "clip"
        source = config.model if context.assets is None else str(context.assets)
        with loading("CLIP", source, self.where):
            self.vision = _vision_config(source)
            self.preprocessor, _ = ImageProcessingMixin.get_image_processor_dict(source)
            for name in ("mean", "std"):
                channels = torch.tensor(self.preprocessor[f"image_{name}"])
                self.register_buffer(name, channels.view(3, 1, 1), persistent=False)
        self._refuse_other_size()
        self.network = self._network()

    def _refuse_other_size(self) -> None:
        side, inputs = self.vision.image_size, self.context.inputs
        if inputs is not None and (inputs.known("h"), inputs.known("w")) != (side, side):
            raise UserError(
                f"{self.where}: {self.config.model} sees pictures of {side} x {side} pixels, the "
                f"processor gives {inputs.known('h')} x {inputs.known('w')}; set its size to {side}"
            )

    def _network(self) -> Any:
        projected = self.config.output == "projection"
        network: Any = CLIPVisionModelWithProjection if projected else CLIPVisionModel
        if self.context.assets is not None:
            return network(self.vision)  # the weights come with the pipeline's own
        with loading("CLIP", self.config.model, self.where):
            made, report = network.from_pretrained(
                self.config.model, config=self.vision, dtype=torch.float32, output_loading_info=True
            )
        if report["missing_keys"]:
            missing = ", ".join(sorted(report["missing_keys"])[:3])
            raise UserError(
                f"{self.where}: {self.config.model} lacks weights that "
                f'output = "{self.config.output}" needs: {missing}'
            )
        return made

    def sizes(self) -> dict[str, int]:
        projected = self.config.output == "projection"
        return {"d": self.vision.projection_dim if projected else self.vision.hidden_size}

    def save_assets(self, folder: Path) -> None:
        self.vision.save_pretrained(folder)
        write_text(folder / PREPROCESSOR, json.dumps(self.preprocessor, indent=2) + "\n")

    def forward(self, inputs: Sequence) -> Sequence:
        pictures = inputs.values[inputs.mask]  # (n, c, h, w)
        encoded = torch.cat([self._encode(some) for some in pictures.split(self.config.batch)])
        values = encoded.new_zeros(*inputs.mask.shape, encoded.shape[1])
        values[inputs.mask] = encoded  # (b, t, d)
        return inputs.with_values(values)

    def _encode(self, pictures: Tensor) -> Tensor:
        """``n c h w`` to ``n d``."""
        seen = self.network((pictures / 255 - self.mean) / self.std)
        if self.config.output == "projection":
            return seen.image_embeds
        if self.config.output == "pooled":
            return seen.pooler_output
        return seen.last_hidden_state[:, 0]


def _vision_config(source: str) -> Any:
    config: Any = AutoConfig.from_pretrained(source)
    if isinstance(config, CLIPConfig):
        width, config = config.projection_dim, config.vision_config
        config.projection_dim = width
    if not isinstance(config, CLIPVisionConfig):
        raise ValueError(f"it is a {config.model_type} model, no CLIP.")
    return config
