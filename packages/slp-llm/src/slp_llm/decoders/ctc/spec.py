"""What a recipe may write about the decoder that reads by CTC."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, min_len, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT, Size, Symbol, TensorType
from slp_core.units import UnitsConfig


@frozen
class CTCDecoderConfig(UnitsConfig):
    """Keys of the decoder that reads by CTC."""

    target: str | None = field(
        default=None,
        validator=optional(min_len(1)),
        metadata={"help": "column that it reads; left out: data.target"},
    )
    dim: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "width of the steps; left out: as wide as they come"},
    )


def signature(config: CTCDecoderConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to text."""
    width = Symbol("d") if config.dim is None else Size(config.dim, "dim")
    inputs.expect("b t d", dtype="float32", d=width)
    return TEXT


SPEC = ComponentSpec(
    kind="decoder",
    config=CTCDecoderConfig,
    signature=signature,
    factory="slp_llm.decoders.ctc.model:CTCDecoder",
    summary="Words or letters read off the steps in their order, without a language model",
    paper="Graves et al., ICML 2006",
)
