"""Checkpoints of a few random weights, and the encoders that read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from attrs import field, frozen

from slp_core.context import Context
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_encoders.encoders.clip.spec import SPEC as CLIP
from slp_encoders.encoders.dinov2.spec import SPEC as DINOV2
from slp_encoders.encoders.siglip.spec import SPEC as SIGLIP
from slp_encoders.encoders.videomae.spec import SPEC as VIDEOMAE
from slp_encoders.encoders.vjepa2.spec import SPEC as VJEPA2

SIDE, PATCH, WIDTH, WINDOW, REGISTERS = 32, 8, 16, 4, 3
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]

LAYERS: Any = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": WIDTH}
PICTURES: Any = {**LAYERS, "image_size": SIDE, "patch_size": PATCH}
VISION: Any = {**PICTURES, "intermediate_size": 32}
TEXT: Any = {**LAYERS, "intermediate_size": 32, "vocab_size": 20}
DECODER: Any = {"decoder_num_hidden_layers": 1, "decoder_hidden_size": 12}
PREDICTOR: Any = {
    "pred_num_hidden_layers": 1, "pred_num_attention_heads": 2, "pred_hidden_size": 12
}  # fmt: skip
COLOURS: Any = {"image_mean": MEAN, "image_std": STD}
CROPPED: Any = {**COLOURS, "size": {"shortest_edge": SIDE}, "crop_size": SIDE}


@frozen
class Tiny:
    """A checkpoint as it is published, and the encoder that reads it."""

    title: str  #: what messages call it
    spec: ComponentSpec
    model: Callable[[], Any]  #: a whole model, the parts that are left out too
    processor: Any
    weight: str  #: one of the encoder's last layer, by its name in the checkpoint
    keys: dict[str, Any] = field(factory=dict)  #: that its recipe must write

    def save(self, folder: Path, model: Any = None) -> Path:
        """Weights large enough to tell layers and tokens apart."""
        torch.manual_seed(0)
        model = model or self.model()
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
        model.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        return folder

    def open(self, folder: Path | str, side: int = SIDE, **keys: Any) -> Any:
        """The encoder, in a stream whose processor gives ``side`` pixels."""
        config = self.spec.config(str(folder), **{**self.keys, **keys})
        context = Context(path="streams.a.encoder", inputs=typed(side))
        return self.spec.load()(config, context).eval()


def dinov2(model: Callable[[], Any]) -> Tiny:
    processor = hf.BitImageProcessor(**CROPPED)
    return Tiny("DINOv2", DINOV2, model, processor, "encoder.layer.1.mlp.fc1.weight")


CHECKPOINTS = {
    "clip": Tiny(
        "CLIP",
        CLIP,
        lambda: hf.CLIPModel(
            hf.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=12)
        ),
        hf.CLIPImageProcessor(**CROPPED),
        "vision_model.encoder.layers.1.mlp.fc1.weight",
    ),
    "dinov2": dinov2(lambda: hf.Dinov2Model(hf.Dinov2Config(**PICTURES))),
    "registers": dinov2(
        lambda: hf.Dinov2WithRegistersModel(
            hf.Dinov2WithRegistersConfig(**PICTURES, num_register_tokens=REGISTERS)
        )
    ),
    "siglip": Tiny(
        "SigLIP",
        SIGLIP,
        lambda: hf.SiglipModel(hf.SiglipConfig(vision_config=VISION, text_config=TEXT)),
        hf.SiglipImageProcessor(**COLOURS, size={"height": SIDE, "width": SIDE}),
        "vision_model.encoder.layers.1.mlp.fc1.weight",
    ),
    "videomae": Tiny(  # decoder and all, its final LayerNorm in use
        "VideoMAE",
        VIDEOMAE,
        lambda: hf.VideoMAEForPreTraining(
            hf.VideoMAEConfig(**VISION, **DECODER, num_frames=WINDOW, use_mean_pooling=False)
        ),
        hf.VideoMAEImageProcessor(**CROPPED),
        "videomae.encoder.layer.1.output.dense.weight",
        {"window": WINDOW, "stride": 2},
    ),
    "vjepa2": Tiny(
        "V-JEPA 2",
        VJEPA2,
        lambda: hf.VJEPA2Model(
            hf.VJEPA2Config(**LAYERS, **PREDICTOR, crop_size=SIDE, patch_size=PATCH)
        ),
        hf.VJEPA2VideoProcessor(**COLOURS, crop_size=SIDE),
        "encoder.layer.1.mlp.fc1.weight",
        {"window": WINDOW, "stride": 2},
    ),
}


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")
