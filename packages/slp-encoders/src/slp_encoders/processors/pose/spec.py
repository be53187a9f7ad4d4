"""The ``pose`` processor: points of the body, face and hands from ``.pose`` files."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, gt, le, lt, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, TensorType
from slp_encoders.processors.pose.hand import POINTS
from slp_encoders.processors.pose.lips import LIPS

HOLISTIC_POINTS = 178  #: a reduced MediaPipe Holistic: body 8, face 128, hands 21 each


@frozen
class AugmentConfig:
    """Random variants of normalised points, drawn anew whenever a row is trained on."""

    mirror: bool = field(default=False, metadata={"help": "left for right, every second time"})
    rotate: float = field(
        default=0.0,
        validator=ge(0),
        metadata={"help": "in the picture: deviation, degrees"},
    )
    scale: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of the size's logarithm"}
    )
    stretch: float = field(
        default=0.0, validator=ge(0), metadata={"help": "the same for each axis by itself"}
    )
    shear: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of how much x leans with y"}
    )
    shift: float = field(
        default=0.0, validator=ge(0), metadata={"help": "deviation of all points together"}
    )
    noise: float = field(
        default=0.0,
        validator=ge(0),
        metadata={"help": "deviation of each point over the clip, and half of it in each frame"},
    )
    speed: float = field(
        default=0.0,
        validator=[ge(0), lt(1)],
        metadata={"help": "slower or faster by up to this share"},
    )
    crop: float = field(
        default=0.0,
        validator=[ge(0), lt(1)],
        metadata={
            "help": "up to this share of the clip is cut off its ends; annotated times do not "
            "know of it"
        },
    )
    drop: float = field(
        default=0.0,
        validator=[ge(0), le(1)],
        metadata={"help": "share of the frames in which all points go missing"},
    )


@frozen
class PoseConfig:
    points: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "points a frame, as components and reduce leave them (178 if not given)"},
    )
    coordinates: Literal[2, 3] = field(default=3, metadata={"help": "x y, or x y z"})
    presence: bool = field(
        default=True, metadata={"help": "behind each point's coordinates: 1 if seen, else 0"}
    )
    components: tuple[str, ...] | None = field(
        default=None, metadata={"help": "components kept, in this order (all if not given)"}
    )
    reduce: bool = field(
        default=True, metadata={"help": "reduce a full MediaPipe Holistic to its 178 points"}
    )
    person: int = field(default=0, validator=ge(0), metadata={"help": "which one, from 0"})
    normalize: Literal["shoulders", "hands", "mouth", "none"] = field(
        default="shoulders",
        metadata={"help": "shoulders: their middle is 0, their distance 1; hands: only the hands, "
                          "from the wrist, in palm sizes; mouth: only the lips, from their middle, "
                          "in distances of the eyes; none: pixels"},
    )  # fmt: skip
    dominant: bool = field(
        default=False,
        metadata={"help": "of the hands, only the one seen more often, as a right hand"},
    )
    fps: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata={"help": "frames a second, the nearest frame each; as filmed if not given"},
    )
    stride: int = field(
        default=1, validator=ge(1), metadata={"help": "keep every so many-th frame"}
    )
    augment: AugmentConfig | None = field(
        default=None, metadata={"help": "random variants in training"}
    )

    def __attrs_post_init__(self) -> None:
        hands, augment = self.normalize == "hands", self.augment or AugmentConfig()
        some = hands or self.normalize == "mouth"
        moved = ("mirror", "rotate", "scale", "stretch", "shear")
        rules = [
            (self.dominant and not hands, 'dominant needs normalize = "hands"'),
            (some and self.points is not None, f'normalize = "{self.normalize}" fixes the points'),
            (some and self.components is not None,
             f'normalize = "{self.normalize}" keeps these alone; components cannot be chosen'),
            (some and augment.shift > 0, "augment.shift would move them off their origin"),
            (self.normalize == "none" and any(getattr(augment, key) for key in moved),
             f"augment: {', '.join(moved)} need normalised points"),
            (augment.mirror and self.dominant, "augment.mirror: a dominant hand is a right hand"),
            (augment.mirror and not hands and self.kept != HOLISTIC_POINTS,
             f"augment.mirror needs hands or the {HOLISTIC_POINTS} points of a MediaPipe Holistic"),
        ]  # fmt: skip
        broken = [text for wrong, text in rules if wrong]
        if broken:
            raise ValueError("; ".join(broken))

    @property
    def kept(self) -> int:
        """Points a frame."""
        if self.normalize == "hands":
            return POINTS * (1 if self.dominant else 2)
        if self.normalize == "mouth":
            return len(LIPS)
        return HOLISTIC_POINTS if self.points is None else self.points


def signature(config: PoseConfig, signal: str) -> TensorType:
    width = config.kept * (config.coordinates + config.presence)
    rate = Rate() if config.fps is None else Rate(config.fps, of="")
    sizes = {"d": Size(width, "points")}
    return TensorType("b t d", sizes, rate=rate / config.stride, modality="pose")


SPEC = ComponentSpec(
    kind="processor",
    config=PoseConfig,
    signature=signature,
    factory="slp_encoders.processors.pose.reader:PoseReader",
    summary=".pose files: points of body, face and hands, normalised",
    trial="slp_encoders.trials.processors:pose",
)
