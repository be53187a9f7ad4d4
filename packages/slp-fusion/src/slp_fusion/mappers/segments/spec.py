"""Configuration and signature of the segment mapper."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class SegmentsConfig(MapperConfig):
    """Keys of the segment mapper."""

    segments: int = field(
        default=5, validator=validators.ge(1), metadata={"help": "equal parts of a clip"}
    )
    hidden: int = field(
        default=512, validator=validators.ge(1), metadata={"help": "width of the hidden layer"}
    )
    input_dropout: float = field(
        default=0.0,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of means zeroed in training"},
    )
    dropout: float = field(
        default=0.1,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of the hidden layer zeroed in training"},
    )


def signature(config: SegmentsConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b 1 dim``; the one step has no clock."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to("b t d", d=output_width(config.dim), modality=None, rate=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=SegmentsConfig,
    signature=signature,
    factory="slp_fusion.mappers.segments.model:SegmentsMapper",
    summary="a short clip as one step: the means of its equal parts",
    paper="arXiv:1608.00859",
)
