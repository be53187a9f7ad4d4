"""An honest part, and how wrong ones are held to the kit."""

from __future__ import annotations

from typing import Any

import torch
from attrs import field, frozen, validators
from torch import nn

from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_core.testing import faults

WIDTH = 12


@frozen
class Config:
    scale: float = field(
        default=1.0, validator=validators.gt(0), metadata={"help": "what steps are multiplied by"}
    )


def same(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", dtype="float32")
    return inputs.to(modality=None)


class Honest(Mapper):
    """Each step through a linear layer, beside the mean of the clip."""

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("shift", torch.ones(WIDTH))

    def forward(self, inputs: Sequence) -> Sequence:
        steps = inputs.with_steps(self.linear(inputs.steps) + self.shift)
        mean = steps.values.sum(1, keepdim=True) / inputs.lengths[:, None, None]
        return steps.with_steps((steps.values + mean)[inputs.mask])


def assert_named(wrong: ComponentSpec, fault: str) -> None:
    """The kit finds ``name: ... said ...``, and says every fault in one line."""
    name, _, said = fault.partition(": ")
    found = faults(wrong)
    assert any(line.startswith(f"{name}: ") and said in line for line in found), found
    assert all("\n" not in line for line in found)
