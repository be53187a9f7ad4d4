"""The ``video`` processor: the frames of a clip."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, TensorType


@frozen
class VideoConfig:
    size: int = field(
        default=224,
        validator=ge(1),
        metadata={"help": "pixels a side: the shorter side is scaled to it, the centre kept"},
    )
    fps: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata={"help": "frames a second, the nearest frame each; as filmed if not given"},
    )


def signature(config: VideoConfig, signal: str) -> TensorType:
    size = Size(config.size, "size")
    rate = Rate() if config.fps is None else Rate(config.fps, of="")
    sizes = {"c": Size(3), "h": size, "w": size}
    return TensorType("b t c h w", sizes, dtype="uint8", rate=rate, modality="video")


SPEC = ComponentSpec(
    kind="processor",
    config=VideoConfig,
    signature=signature,
    factory="slp_encoders.processors.video.reader:VideoReader",
    summary="video files: the frames of the clip, square, 8 bits a channel",
)
