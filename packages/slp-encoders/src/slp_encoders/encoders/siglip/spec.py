"""The ``siglip`` encoder: every picture by itself through a SigLIP vision transformer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType


@frozen
class SiglipConfig:
    model: str = field(
        metadata={"help": 'hub name or folder of a SigLIP, as "google/siglip-base-patch16-224"; '
                          "of SigLIP 2 those of one picture size"}
    )  # fmt: skip
    output: Literal["pooled", "patch-mean"] = field(
        default="pooled",
        metadata={"help": "the picture in the space shared with text, from the attention over "
                          "patches; or the mean of the patches after the final LayerNorm"},
    )  # fmt: skip
    batch: int = field(
        default=64, validator=ge(1), metadata={"help": "pictures through the network at once"}
    )


def signature(config: SiglipConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t d``; only the weights tell ``d``."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    return inputs.to("b t d", dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=SiglipConfig,
    signature=signature,
    factory="slp_encoders.encoders.siglip.model:SiglipEncoder",
    summary="every picture through a SigLIP vision transformer",
    paper="arXiv:2303.15343",
    example={"model": "google/siglip-base-patch16-224"},
    trial="slp_encoders.trials.encoders:siglip",
)
