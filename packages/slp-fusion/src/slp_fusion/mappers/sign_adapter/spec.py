"""Configuration and signature of the sign adapter."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig, Norm
from slp_fusion.mappers.widths import output_width


@frozen
class SignAdapterConfig(MapperConfig):
    """Keys of the sign adapter. SpaMo has neither a norm before it nor dropout."""

    channels: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "of the convolutions; left out: the input width"},
    )
    hidden: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "width of the MLP's hidden layer; left out: the output width"},
    )
    tcn: bool = field(
        default=True,
        metadata={"help": "convolve; without, every step passes the MLP alone (as SpaMo does with "
                  "motion alone)"},
    )  # fmt: skip
    activation: Literal["relu", "gelu"] = field(
        default="gelu", metadata={"help": "of the MLP: gelu as in SpaMo, relu as in MMSLT"}
    )
    pad: Literal["none", "same", "edge"] = field(
        default="none",
        metadata={"help": "t steps become floor(t/4) - 3 (none), floor(t/4) with zeros around "
                  "every clip (same), or ceil(t/4) + 1 with its ends repeated, as in MMSLT (edge)"},
    )  # fmt: skip
    unmasked: bool = field(
        default=False,
        metadata={"help": "batch norm and convolutions see the padding of a batch too, as in SpaMo "
                  "and GFSLT"},
    )  # fmt: skip
    norm: Norm = field(
        default="none",
        metadata={"help": "of the input: each step by itself, or each channel over the data"},
    )
    dropout: float = field(
        default=0.0,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of outputs zeroed in training"},
    )


def signature(config: SignAdapterConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t' dim``; a quarter of the rate, unless ``tcn = false``."""
    inputs.expect("b t d", dtype="float32")
    rate = inputs.rate and inputs.rate / (4 if config.tcn else 1)
    return inputs.to("b t d", d=output_width(config.dim), rate=rate, modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=SignAdapterConfig,
    signature=signature,
    factory="slp_fusion.mappers.sign_adapter.model:SignAdapter",
    summary="two convolutions with pooling, a quarter of the steps, then an MLP",
    paper="arXiv:2408.10593",
)
