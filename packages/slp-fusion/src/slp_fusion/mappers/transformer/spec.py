"""Configuration and signature of the Transformer mapper."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class TransformerConfig(MapperConfig):
    """Keys of the Transformer mapper."""

    layers: int = field(default=6, validator=validators.ge(1), metadata={"help": "stacked layers"})
    heads: int = field(
        default=4, validator=validators.ge(1), metadata={"help": "heads of attention; divide dim"}
    )
    ffn: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "width of the feed-forward layers; left out: four times dim"},
    )
    window: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "steps that a step sees to either side; left out: all of the clip"},
    )


def signature(config: TransformerConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t dim``."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to("b t d", d=output_width(config.dim), modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=TransformerConfig,
    signature=signature,
    factory="slp_fusion.mappers.transformer.model:TransformerMapper",
    summary="a Transformer over the steps, each told where it stands",
    paper="arXiv:1706.03762",
)
