"""The ``clip`` encoder: every picture by itself through a CLIP vision transformer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType


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
    batch: int = field(
        default=64, validator=ge(1), metadata={"help": "pictures through the network at once"}
    )


def signature(config: ClipConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t d``; only the weights tell ``d``."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    return inputs.to("b t d", dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=ClipConfig,
    signature=signature,
    factory="slp_encoders.encoders.clip.model:ClipEncoder",
    summary="every picture through a CLIP vision transformer",
    paper="arXiv:2103.00020",
)
