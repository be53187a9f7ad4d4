"""The keys of parts that read a column by CTC (:mod:`slp_core.ctc`). Free of torch."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators


@frozen(slots=False)  # it stands beside other bases
class UnitsConfig:
    """What a column is written in, and how it is read. By these keys `slp check` knows a part that
    reads; its key ``target`` is the column (left out: data.target)."""

    units: Literal["word", "char"] = field(
        default="word", metadata={"help": "the column is read in words, or in characters"}
    )
    size: int = field(
        default=8000,
        validator=validators.ge(1),
        metadata={"help": "at most so many units, the most frequent ones of the training rows"},
    )
    min_count: int = field(
        default=1,
        validator=validators.ge(1),
        metadata={"help": "units that occur less often in the training rows are not told apart"},
    )
    beams: int = field(
        default=1,
        validator=validators.ge(1),
        metadata={"help": "texts kept while reading; 1: what the likeliest alignment says"},
    )
