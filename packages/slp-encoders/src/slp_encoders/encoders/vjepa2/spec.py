"""The ``vjepa2`` encoder: windows of frames through a V-JEPA 2 vision transformer."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_encoders.encoders.config import WindowConfig, per_window


@frozen
class VJEPA2Config(WindowConfig):
    model: str = field(
        metadata={"help": 'hub name or folder of a V-JEPA 2, as "facebook/vjepa2-vitl-fpc64-256"'}
    )
    window: int = field(
        default=16,
        validator=ge(1),
        metadata={"help": "frames seen at once: any whole number of the model's tubes of frames, "
                          "of two each, as its positions are rotary"},
    )  # fmt: skip


def signature(config: VJEPA2Config, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t' d``, a step a window; only the weights tell ``d``."""
    return per_window(inputs, config.stride)


SPEC = ComponentSpec(
    kind="encoder",
    config=VJEPA2Config,
    signature=signature,
    factory="slp_encoders.encoders.vjepa2.model:VJEPA2Encoder",
    summary="windows of frames through a V-JEPA 2 vision transformer",
    paper="arXiv:2506.09985",
    example={"model": "facebook/vjepa2-vitl-fpc64-256"},
    trial="slp_encoders.trials.encoders:vjepa2",
)
