"""The ``image`` processor: one picture, one step."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class AugmentConfig:
    """Random variants of a picture, drawn anew whenever a row is trained on."""

    mirror: bool = field(default=False, metadata={"help": "left for right, every second time"})
    rotate: float = field(
        default=0.0, validator=ge(0), metadata={"help": "about the centre: deviation, degrees"}
    )
    scale: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of the size's logarithm"}
    )
    shift: float = field(
        default=0.0,
        validator=ge(0),
        metadata={"help": "deviation along each axis, as a share of the picture's side"},
    )
    brightness: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of the brightness's logarithm"}
    )
    contrast: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of the contrast's logarithm"}
    )


@frozen
class ImageConfig:
    size: int = field(
        default=224,
        validator=ge(1),
        metadata={"help": "pixels a side: the shorter side is scaled to it, the centre kept"},
    )
    augment: AugmentConfig | None = field(
        default=None, metadata={"help": "random variants in training"}
    )


def signature(config: ImageConfig, signal: str) -> TensorType:
    size = Size(config.size, "size")
    sizes = {"c": Size(3), "h": size, "w": size}
    return TensorType("b t c h w", sizes, dtype="uint8", rate=None, modality="image")


SPEC = ComponentSpec(
    kind="processor",
    config=ImageConfig,
    signature=signature,
    factory="slp_encoders.processors.image.reader:ImageReader",
    summary="one picture: JPEG, PNG, WebP, BMP or TIFF",
)
