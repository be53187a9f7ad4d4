"""Objectives that are wrong are named for their fault."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from slp_core.parts import Objective
from slp_core.testing import faults

from .toys import assert_named


class Square(Objective):
    def count(self, batch: Any) -> int:
        return len(batch)

    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return trace.last.steps.square().sum()


def test_an_honest_one_conforms(spec: Any) -> None:
    assert faults(spec(Square, None, "objective")) == []


class Everywhere(Square):
    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return trace.last.values.square().mean()


class Detached(Square):
    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return super().forward(pipeline, trace, batch).detach()


class OfItself(Square):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return self.weight.square()


class OfItselfAlone(OfItself):
    def reads(self, pipeline: Any) -> set[str]:
        return {"decoder"}


class OneEach(Square):
    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return trace.last.with_steps(trace.last.steps).values.square().sum((1, 2))


class Infinite(Square):
    def forward(self, pipeline: Any, trace: Any, batch: Any) -> Tensor:
        return super().forward(pipeline, trace, batch) / 0


class CountsNone(Square):
    def count(self, batch: Any) -> int:
        return 0


class CountsInTensors(Square):
    def count(self, batch: Any) -> Any:
        return torch.tensor(len(batch))


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (Everywhere, "padding: with six steps of padding more, sample 0 has another `loss`"),
        (Detached, "gradient: the loss has none"),
        (OfItself, "gradient: no weight that leads to any part of the pipeline gets any"),
        (OfItselfAlone, "gradient: no weight that leads to decoder gets any from the loss"),
        (OneEach, "loss: gives Tensor "),
        (Infinite, "loss: is inf"),
        (CountsNone, "count: is 0; how many items the loss is summed over is expected"),
        (CountsInTensors, "count: is tensor(3); how many items"),
    ],
)
def test_a_wrong_one_is_named_for_its_fault(spec: Any, wrong: Any, fault: str) -> None:
    assert_named(spec(wrong, None, "objective"), fault)
