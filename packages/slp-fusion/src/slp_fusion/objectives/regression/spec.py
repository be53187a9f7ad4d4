"""What a recipe may write about regression."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, min_len, optional

from slp_core.spec import ComponentSpec


@frozen
class RegressionConfig:
    """``on`` names the part that learns, ``to`` the one it learns from."""

    to: str = field(
        validator=min_len(1),
        metadata={"help": 'part whose steps are to be told, as "streams.pose.encoder"; its stream '
                          "need not reach the decoder, and is then read in training only"},
    )  # fmt: skip
    loss: Literal["squared", "absolute"] = field(
        default="squared", metadata={"help": "of the error of each number"}
    )
    over: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "steps of `to`: tell how much its numbers change in so many, as the way "
                          "that points of a pose go, and not the numbers"},
    )  # fmt: skip


SPEC = ComponentSpec(
    kind="objective",
    config=RegressionConfig,
    factory="slp_fusion.objectives.regression.model:Regression",
    summary="A part's steps tell those of another, as MMSLT's signs their description",
    paper="arXiv:2411.16789",
    example={"to": "streams.hands.encoder"},
    trial="slp_fusion.trials:regression",
)
