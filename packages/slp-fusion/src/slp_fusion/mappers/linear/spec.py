"""Configuration and signature of the linear mapper."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.mappers.config import MapperConfig
from slp_fusion.mappers.widths import output_width


@frozen
class LinearConfig(MapperConfig):
    """Keys of the linear mapper."""

    max_steps: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "in training, a random window of so many steps (SpaMo crops the spatial "
                  "features of long clips to 512)"},
    )  # fmt: skip


def signature(config: LinearConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t dim``."""
    inputs.expect("b t d", dtype="float32")
    return inputs.to("b t d", d=output_width(config.dim), modality=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=LinearConfig,
    signature=signature,
    factory="slp_fusion.mappers.linear.model:LinearMapper",
    summary="one linear layer a step",
    paper="arXiv:2509.09729",
)
