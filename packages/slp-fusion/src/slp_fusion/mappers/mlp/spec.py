"""Configuration and signature of the MLP mapper."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class MLPConfig(MapperConfig):
    """Keys of the MLP mapper."""

    hidden: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "width of the hidden layers; left out: the output width"},
    )
    layers: int = field(default=2, validator=validators.ge(2), metadata={"help": "linear layers"})
    activation: Literal["relu", "gelu"] = field(
        default="gelu", metadata={"help": "after every linear layer but the last"}
    )


def signature(config: MLPConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t dim``."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to("b t d", d=output_width(config.dim), modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=MLPConfig,
    signature=signature,
    factory="slp_fusion.mappers.mlp.model:MLPMapper",
    summary="a multi-layer perceptron a step",
)
