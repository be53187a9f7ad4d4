"""What a confidence was found to be worth: a rising function, kept with the pipeline as a JSON."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from slp_core.errors import UserError
from slp_core.files import write_text

FILE = "confidence.json"


@frozen
class Calibration:
    """From the raw confidence of a translation to the quality that translations of about that
    confidence had where it was measured: linear between breakpoints, constant beyond them.

    It holds for what it was measured on: the same weights, decoded with the same settings, on
    material of the same kind.

    Raises:
        ValueError: the confidences do not rise, or the qualities fall or leave [0, 1].
    """

    confidence: tuple[float, ...] = field(converter=tuple)  #: of the breakpoints, rising
    expected: tuple[float, ...] = field(converter=tuple)  #: of these, in [0, 1], never falling
    quality: str  #: what is expected: "sentence chrF / 100"
    split: str  #: what it was measured on
    samples: int  #: of these, how many
    generation: dict[str, Any]  #: the settings that they were decoded with

    def __attrs_post_init__(self) -> None:
        points = (*self.confidence, *self.expected)
        if not self.confidence or len(self.confidence) != len(self.expected):
            raise ValueError("a breakpoint needs a confidence and an expected quality")
        if not all(isinstance(one, float | int) and isfinite(one) for one in points):
            raise ValueError("a breakpoint is no number")
        if any(low >= high for low, high in pairwise(self.confidence)):
            raise ValueError("the confidences do not rise")
        if any(low > high for low, high in pairwise((0, *self.expected, 1))):
            raise ValueError("the expected qualities fall, or are not within [0, 1]")

    def holds_for(self, settings: Mapping[str, Any]) -> bool:
        """Whether it was measured on translations that were decoded so. What is told beside the
        best one changes nothing."""
        return {k: v for k, v in settings.items() if k != "alternatives"} == self.generation

    def __call__(self, confidence: float) -> float:
        """The expected quality, in [0, 1]."""
        right = bisect_left(self.confidence, confidence)
        if right in (0, len(self.confidence)):
            return self.expected[0 if right == 0 else -1]
        before, after = self.confidence[right - 1 : right + 1]
        low, high = self.expected[right - 1 : right + 1]
        return min(low + (confidence - before) / (after - before) * (high - low), high)

    def save(self, folder: Path) -> None:
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        write_text(folder / FILE, text + "\n")

    @classmethod
    def load(cls, folder: Path) -> Calibration | None:
        """What :meth:`save` wrote; None where nothing is.

        Raises:
            UserError: the file holds something else.
        """
        file = folder / FILE
        if not file.is_file():
            return None
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{file}: is no calibration: {error}") from error
