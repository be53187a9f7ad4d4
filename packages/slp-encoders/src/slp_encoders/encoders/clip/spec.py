"""The ``clip`` encoder: every picture by itself through a CLIP vision transformer."""

from __future__ import annotations

from typing import Any, Literal

from attrs import Attribute, field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType


def _scales(instance: Any, attribute: Attribute, value: list[int]) -> None:
    if not value or min(value) < 1 or len(set(value)) < len(value):
        raise ValueError(f"{value} was written, different scales from 1 are expected, as [1, 2]")


@frozen
class ClipConfig:
    model: str = field(
        metadata={"help": 'hub name or folder of a CLIP, as "openai/clip-vit-base-patch32"'}
    )
    output: Literal["projection", "pooled", "last"] = field(
        default="projection",
        metadata={"help": "the picture in the space shared with text; the class token after the "
                          "final LayerNorm; or before it"},
    )  # fmt: skip
    scales: list[int] = field(
        factory=lambda: [1],
        validator=_scales,
        metadata={"help": "S2 (arXiv:2403.13043): the picture enlarged so many times and seen in "
                          "tiles; one vector a scale, side by side"},
    )  # fmt: skip
    batch: int = field(
        default=64,
        validator=ge(1),
        metadata={"help": "pictures, or tiles of them, through the network at once"},
    )


def signature(config: ClipConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t d``; only the weights tell ``d``, a width for each scale."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    return inputs.to("b t d", dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=ClipConfig,
    signature=signature,
    factory="slp_encoders.encoders.clip.model:ClipEncoder",
    summary="every picture through a CLIP vision transformer",
    paper="arXiv:2103.00020",
    example={"model": "openai/clip-vit-base-patch32"},
    trial="slp_encoders.trials.encoders:clip",
)
