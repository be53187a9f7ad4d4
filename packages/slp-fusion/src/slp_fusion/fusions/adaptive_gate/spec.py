"""Configuration and signature of the adaptive gate."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_fusion.fusions import config as shared
from slp_fusion.fusions.config import RouterConfig


@frozen
class GateConfig:
    """``gate = { with = "lips", per = "channel" }``."""

    with_: str = field(metadata={"help": "stream of the lips"})
    per: Literal["channel", "step"] = field(
        default="channel", metadata={"help": "a gate for each channel of a step, or one for all"}
    )
    on: Literal["manual", "both"] = field(
        default="manual", metadata={"help": "what tells the gate: the hands, or the lips too"}
    )


@frozen
class AdaptiveGateConfig:
    """Keys of the adaptive gate. ``route`` may be left out where one stream tells of the hands,
    ``gate`` where there are no lips."""

    route: RouterConfig | None = field(
        default=None, metadata={"help": "which expert tells of the hands, step by step"}
    )
    gate: GateConfig | None = field(
        default=None, metadata={"help": "how much the hands count beside the lips"}
    )

    def __attrs_post_init__(self) -> None:
        if self.route is None and self.gate is None:
            raise ValueError("`route`, `gate` or both are needed")

    @property
    def lips(self) -> str | None:
        """The stream of the lips."""
        return self.gate.with_ if self.gate else None


def signature(config: AdaptiveGateConfig, inputs: dict[str, TensorType]) -> TensorType:
    """Several ``b t d`` to one on the clock of the hands."""
    lips = ("gate.with", config.gate.with_) if config.gate else None
    return shared.signature(config.route, lips, inputs)


SPEC = ComponentSpec(
    kind="fusion",
    config=AdaptiveGateConfig,
    signature=signature,
    factory="slp_fusion.fusions.adaptive_gate.model:AdaptiveGate",
    summary="experts routed step by step, and a gate between hands and lips",
    paper="arXiv:2509.00030",
    example={"gate": {"with": "lips"}},
    trial="slp_fusion.trials:adaptive_gate",
)
