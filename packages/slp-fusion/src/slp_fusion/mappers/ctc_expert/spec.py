"""Configuration and signature of the experts that read by CTC."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_core.units import UnitsConfig
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class CTCExpertConfig(UnitsConfig, MapperConfig):
    """Keys of an expert."""

    target: str = field(
        kw_only=True,
        validator=validators.min_len(1),
        metadata={"help": 'column that it reads, as "letters"; the objective `ctc` teaches it'},
    )
    network: Literal["transformer", "gru", "conv", "none"] = field(
        default="transformer",
        metadata={"help": "over the steps: a mapper of that name (conv: cnn, five steps wide), or "
                  "none but a linear layer"},
    )  # fmt: skip
    layers: int = field(
        default=2, validator=validators.ge(1), metadata={"help": "stacked layers of the network"}
    )
    heads: int = field(
        default=4, validator=validators.ge(1), metadata={"help": "heads of a transformer"}
    )
    window: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "steps that one of a transformer's sees to either side; left out: all"},
    )
    stride: int = field(
        default=1,
        validator=validators.ge(1),
        metadata={"help": "steps in for a step out, by a convolution before the network"},
    )

    def __attrs_post_init__(self) -> None:
        if self.window is not None and self.network != "transformer":
            raise ValueError(f'window has no effect with network = "{self.network}"; leave it out')


def signature(config: CTCExpertConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t' dim``; the rate falls by the stride."""
    inputs.expect("b t d", dtype="float32")
    rate = inputs.rate and inputs.rate / config.stride
    return inputs.to("b t d", d=output_width(config.dim), rate=rate, modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=CTCExpertConfig,
    signature=signature,
    factory="slp_fusion.mappers.ctc_expert.model:CTCExpert",
    summary="an expert that reads a column of glosses, letters or phonemes by CTC",
    paper="arXiv:2509.00030",
    example={"target": "letters"},
)
