"""Configuration and signature of the convolutional mapper."""

from __future__ import annotations

import math
from typing import Any

from attrs import Attribute, field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


def _odd(instance: Any, attribute: Attribute, value: list[int]) -> None:
    if not value or any(kernel < 1 or kernel % 2 == 0 for kernel in value):
        raise ValueError(f"{value} was written, odd kernel widths are expected, as [3, 3]")


def _positive(instance: Any, attribute: Attribute, value: list[int]) -> None:
    if any(stride < 1 for stride in value):
        raise ValueError(f"{value} was written, strides of at least 1 are expected, as [2, 2]")


@frozen
class CNNConfig(MapperConfig):
    """Keys of the convolutional mapper."""

    kernels: list[int] = field(
        factory=lambda: [3, 3], validator=_odd, metadata={"help": "steps each layer sees, odd"}
    )
    strides: list[int] = field(
        factory=lambda: [2, 2],
        validator=_positive,
        metadata={"help": "each layer's steps in for a step out"},
    )
    factor: int = field(
        default=2,
        validator=validators.ge(1),
        metadata={"help": "channels of the inner convolutions before their gate, as times dim"},
    )

    def __attrs_post_init__(self) -> None:
        if len(self.kernels) != len(self.strides):
            raise ValueError(
                f"{len(self.kernels)} kernels and {len(self.strides)} strides were written, "
                "one of each a layer is expected"
            )


def signature(config: CNNConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t' dim``; the rate falls by the product of the strides."""
    inputs.expect("b t d", dtype="float32")
    rate = inputs.rate and inputs.rate / math.prod(config.strides)
    return inputs.to("b t d", d=output_width(config.dim), rate=rate, modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=CNNConfig,
    signature=signature,
    factory="slp_fusion.mappers.cnn.model:CNNMapper",
    summary="strided convolutions with gated linear units: fewer steps",
    paper="arXiv:2509.09729",
)
