"""The ``features`` processor: sequences somebody else has extracted."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, gt, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, TensorType


@frozen
class FeaturesConfig:
    width: int = field(validator=ge(1), metadata={"help": "features a step, as stored"})
    axis: Literal[0, 1] = field(default=0, metadata={"help": "which axis of the array is time"})
    rate: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata={"help": "steps a second, as stored; needed where rows have start and end"},
    )
    stride: int = field(default=1, validator=ge(1), metadata={"help": "keep every so many-th step"})
    key: str | None = field(
        default=None, metadata={"help": "which tensor of a .safetensors file with several"}
    )


def signature(config: FeaturesConfig, signal: str) -> TensorType:
    rate = Rate() if config.rate is None else Rate(config.rate, of="")
    return TensorType(
        "b t d", {"d": Size(config.width, "width")}, rate=rate / config.stride, modality="features"
    )


SPEC = ComponentSpec(
    kind="processor",
    config=FeaturesConfig,
    signature=signature,
    factory="slp_encoders.processors.features.reader:FeaturesReader",
    summary="stored features: .npy and .safetensors",
    example={"width": 1024},
    trial="slp_encoders.trials.processors:features",
)
