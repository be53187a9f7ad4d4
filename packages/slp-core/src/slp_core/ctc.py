"""Reading a column of the manifest off a sequence, step by step: connectionist temporal
classification (Graves et al., ICML 2006). What experts, objectives and decoders share of it.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Literal

from attrs import frozen
from torch import Tensor

from slp_core.files import write_text
from slp_core.parts import Part
from slp_core.sequence import Sequence

BLANK, UNKNOWN = 0, 1  #: classes; the units of a column follow
FILE = "units.json"


@frozen
class Units:
    """What a column is written in: words between blanks, or characters.

    Class 0 is CTC's blank, class 1 stands for what training never saw, the others are ``known``.
    """

    kind: Literal["word", "char"]
    known: tuple[str, ...]

    def __len__(self) -> int:
        return 2 + len(self.known)

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        kind: Literal["word", "char"] = "word",
        size: int = 8000,
        min_count: int = 1,
    ) -> Units:
        """The most frequent units of ``texts``, ties in order of spelling; ``size`` of them at
        most, and none that occurs less than ``min_count`` times."""
        counts = Counter(unit for text in texts for unit in _split(text, kind))
        kept = [unit for unit, count in counts.items() if count >= min_count]
        return cls(kind, tuple(sorted(kept, key=lambda unit: (-counts[unit], unit))[:size]))

    def encode(self, text: str) -> list[int]:
        """A text to classes; no blank among them."""
        classes = {unit: number for number, unit in enumerate(self.known, start=2)}
        return [classes.get(unit, UNKNOWN) for unit in _split(text, self.kind)]

    def decode(self, classes: Iterable[int]) -> str:
        """Classes to a text; nothing is written for blanks and for what training never saw."""
        units = [self.known[one - 2] for one in classes if one > UNKNOWN]
        return (" " if self.kind == "word" else "").join(units)

    def save(self, folder: Path) -> None:
        known = {"kind": self.kind, "known": self.known}
        write_text(folder / FILE, json.dumps(known, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Units:
        table = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(table["kind"], tuple(table["known"]))


def _split(text: str, kind: str) -> list[str]:
    return text.split() if kind == "word" else list(text.strip())


def collapse(path: Iterable[int]) -> list[int]:
    """A class for every step to what it says: repeats once, blanks not at all."""
    return [one for one, _ in groupby(path) if one != BLANK]


@frozen
class Transcript:
    """What was read off one sample, and P(text | signal) as CTC gives it, of the classes said."""

    text: str
    probability: float


class Transcriber(Part):
    """A part that reads ``column`` off its steps by CTC."""

    column: str  #: of the manifest
    units: Units

    @abstractmethod
    def logits(self, steps: Sequence) -> Tensor:
        """``b t d`` to ``b t u``, unnormalised, ``u`` classes of ``units``, the blank first.

        ``steps``: what the part gave (a mapper), or what came into it (a decoder)."""

    @abstractmethod
    def transcribe(self, steps: Sequence) -> list[Transcript]:
        """Read every sample of ``steps``, as :meth:`logits` takes them."""
