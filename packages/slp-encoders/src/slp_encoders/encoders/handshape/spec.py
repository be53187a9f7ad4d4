"""The ``handshape`` encoder: hands as the ways between their joints."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import gt

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType
from slp_encoders.processors.pose.hand import POINTS


@frozen
class HandshapeConfig:
    hands: Literal[1, 2] = field(
        default=2, metadata={"help": "as the processor gives them; 1: its dominant one"}
    )
    coordinates: Literal[2, 3] = field(default=3, metadata={"help": "the processor's"})
    presence: bool = field(default=True, metadata={"help": "the processor's"})
    path: bool = field(
        default=True, metadata={"help": "the wrist's path too, beside the hand's shape"}
    )
    soft: float = field(
        default=0.2,
        validator=gt(0),
        metadata={"help": "palm sizes: of longer ways little but the direction is kept"},
    )

    @property
    def reads(self) -> int:
        """Numbers a step, in."""
        return self.hands * POINTS * (self.coordinates + self.presence)

    @property
    def gives(self) -> int:
        """Numbers a step, out: of each hand the wrist's path, the bones, the distances."""
        ways = POINTS if self.path else POINTS - 1
        return self.hands * (ways * self.coordinates + DISTANCES)


#: between two fingertips, and from each other joint of the four fingers to the tip of the thumb
DISTANCES = 10 + 12


def signature(config: HandshapeConfig, inputs: TensorType) -> TensorType:
    """``b t d`` points to ``b t d'``."""
    inputs.expect("b t d", dtype="float32", modality="pose", d=Size(config.reads, "hands"))
    return inputs.to("b t d", d=Size(config.gives), modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=HandshapeConfig,
    signature=signature,
    factory="slp_encoders.encoders.handshape.model:HandshapeEncoder",
    summary="hands of poses as the ways between their joints; no weights",
)
