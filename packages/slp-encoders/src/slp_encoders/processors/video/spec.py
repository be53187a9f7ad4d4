"""The ``video`` processor: the frames of a clip."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, gt, lt, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, TensorType


@frozen
class AugmentConfig:
    """Random variants of a clip, drawn anew whenever a row is trained on."""

    crop: float = field(
        default=0.0,
        validator=[ge(0), lt(1)],
        metadata={"help": "up to this share of the sides is cut off, the rest scaled up"},
    )
    mirror: bool = field(
        default=False,
        metadata={"help": "left for right, every second time; beware: the right hand becomes the "
                          "left one, and signs that tell them apart another sign"},
    )  # fmt: skip
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
class VideoConfig:
    size: int = field(
        default=224,
        validator=ge(1),
        metadata={"help": "pixels a side of what is cut out of the picture"},
    )
    crop: Literal["centre", "mouth", "face", "hand"] = field(
        default="centre",
        metadata={"help": "the largest square in the middle; or one of constant size that follows "
                          "the mouth, the face, or the hand seen more often, of the film's pose"},
    )  # fmt: skip
    poses: str | None = field(
        default=None,
        metadata={"help": 'folder of the films\' poses, as `slp data pose` writes it, for crop = '
                          '"mouth", "face" or "hand"; left out: MediaPipe estimates them'},
    )  # fmt: skip
    fps: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata={"help": "frames a second, the nearest frame each; as filmed if not given"},
    )
    frame_rate: float = field(
        default=25.0,
        validator=gt(0),
        metadata={"help": "how many pictures of a folder were filmed a second"},
    )
    augment: AugmentConfig | None = field(
        default=None, metadata={"help": "random variants in training"}
    )

    def __attrs_post_init__(self) -> None:
        if self.poses is not None and self.crop == "centre":
            raise ValueError('poses are read for crop = "mouth", "face" or "hand" only')


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
    summary="video files, or folders of pictures: the frames of the clip, square, 8 bits a channel",
    trial="slp_encoders.trials.processors:video",
)
