"""The keys that every mapper has."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

Norm = Literal["layer", "batch", "none"]


@frozen
class MapperConfig:
    dim: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "output width; left out: the width of what comes next"},
    )
    norm: Norm = field(
        default="layer",
        metadata={"help": "of the input: each step by itself, or each channel over the data"},
    )
    dropout: float = field(
        default=0.1,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of outputs zeroed in training"},
    )
