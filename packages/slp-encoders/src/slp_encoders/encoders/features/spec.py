"""The ``features`` encoder: stored features as they are."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType


@frozen
class FeaturesEncoderConfig:
    dim: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "declared width; the processor's must agree"},
    )


def signature(config: FeaturesEncoderConfig, inputs: TensorType) -> TensorType:
    width = Symbol("d") if config.dim is None else Size(config.dim, "dim")
    inputs.expect("b t d", dtype="float32", modality="features", d=width)
    return inputs.to(modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=FeaturesEncoderConfig,
    signature=signature,
    factory="slp_encoders.encoders.passthrough:PassThrough",
    summary="stored features as they are",
)
