"""The ``image`` processor: one picture, one step."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType
from slp_encoders.processors.video.spec import AugmentConfig


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
    trial="slp_encoders.trials.processors:image",
)
