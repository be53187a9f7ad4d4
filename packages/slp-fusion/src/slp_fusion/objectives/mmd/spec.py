"""What a recipe may write about the maximum mean discrepancy."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import ge, gt, optional

from slp_core.spec import ComponentSpec


def _positive(instance: Any, attribute: Attribute, value: list[float]) -> None:
    if not value or any(width <= 0 for width in value):
        raise ValueError(f"{value} was written, widths above 0 are expected, as [0.5, 1.0, 2.0]")


@frozen
class MMDConfig:
    """``on`` names the part whose steps are compared with the text; left out: what the decoder
    reads."""

    widths: list[float] = field(
        factory=lambda: [0.25, 0.5, 1.0, 2.0, 4.0],
        validator=_positive,
        metadata={"help": "of the Gaussian kernels that are summed, as times sigma"},
    )
    sigma: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata={"help": "left out: the median distance of the batch; 1 tells no points of many "
                  "dimensions apart"},
    )  # fmt: skip
    max_tokens: int = field(
        default=1024,
        validator=ge(1),
        metadata={"help": "of each side; of more, so many are drawn (evenly spaced in validation)"},
    )


SPEC = ComponentSpec(
    kind="objective",
    config=MMDConfig,
    factory="slp_fusion.objectives.mmd.model:MMD",
    summary="Signs distributed as the words of the language model are, as in SignLLM",
    paper="arXiv:2404.00925",
)
