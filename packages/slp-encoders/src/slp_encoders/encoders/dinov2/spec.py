"""The ``dinov2`` encoder: every picture by itself through a DINOv2 vision transformer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType


@frozen
class DinoV2Config:
    model: str = field(
        metadata={"help": 'hub name or folder of a DINOv2, as "facebook/dinov2-small"; with '
                          "registers or without"}
    )  # fmt: skip
    output: Literal["cls", "patch-mean"] = field(
        default="cls",
        metadata={"help": "the class token, or the mean of the patches; after the final LayerNorm"},
    )
    batch: int = field(
        default=64, validator=ge(1), metadata={"help": "pictures through the network at once"}
    )


def signature(config: DinoV2Config, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t d``; only the weights tell ``d``."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    return inputs.to("b t d", dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=DinoV2Config,
    signature=signature,
    factory="slp_encoders.encoders.dinov2.model:DinoV2Encoder",
    summary="every picture through a DINOv2 vision transformer",
    paper="arXiv:2304.07193",
    example={"model": "facebook/dinov2-small"},
    trial="slp_encoders.trials.encoders:dinov2",
)
