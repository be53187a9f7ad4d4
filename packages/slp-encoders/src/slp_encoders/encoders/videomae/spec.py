"""The ``videomae`` encoder: windows of frames through a VideoMAE vision transformer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_encoders.encoders.config import WindowConfig, per_window


@frozen
class VideoMAEConfig(WindowConfig):
    model: str = field(
        metadata={"help": 'hub name or folder of a VideoMAE, as "MCG-NJU/videomae-large"'}
    )
    window: int = field(
        default=16,
        validator=ge(1),
        metadata={"help": "frames seen at once: as many as the model was trained on"},
    )
    pool: Literal["first-token", "mean"] = field(
        default="mean",
        metadata={"help": "the first patch, which SpaMo takes for a class token; or the mean of "
                          "all patches, as there is no class token"},
    )  # fmt: skip
    output: Literal["last", "normed"] = field(
        default="last",
        metadata={"help": "patches before the final LayerNorm, as SpaMo takes them; or after it, "
                          "which models tuned for classification lack"},
    )  # fmt: skip


def signature(config: VideoMAEConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t' d``, a step a window; only the weights tell ``d``."""
    return per_window(inputs, config.stride)


SPEC = ComponentSpec(
    kind="encoder",
    config=VideoMAEConfig,
    signature=signature,
    factory="slp_encoders.encoders.videomae.model:VideoMAEEncoder",
    summary="windows of frames through a VideoMAE vision transformer",
    paper="arXiv:2203.12602",
    example={"model": "MCG-NJU/videomae-large"},
    trial="slp_encoders.trials.encoders:videomae",
)
