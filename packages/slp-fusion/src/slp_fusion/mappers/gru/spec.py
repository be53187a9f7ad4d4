"""Configuration and signature of the recurrent mapper."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class GRUConfig(MapperConfig):
    """Keys of the recurrent mapper."""

    layers: int = field(default=1, validator=validators.ge(1), metadata={"help": "stacked layers"})
    input_dropout: float = field(
        default=0.0,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of inputs zeroed in training"},
    )


def signature(config: GRUConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t dim``."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to("b t d", d=output_width(config.dim), modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=GRUConfig,
    signature=signature,
    factory="slp_fusion.mappers.gru.model:GRUMapper",
    summary="gated recurrent units, both ways through time",
    paper="arXiv:1406.1078",
)
