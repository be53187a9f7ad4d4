"""Where the score comes from: short and long sentences, frequent and rare words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import frozen

from slp_train.evaluation.scores import Prediction
from slp_train.metrics.text import is_unspaced, words

_BINS = 6  # lengths, at most
_WIDTHS = (1, 2, 5)  # of a bin, times powers of ten
#: How often a word occurs in training: the least and the most.
_FREQUENCIES: tuple[tuple[int, int | None], ...] = (
    (0, 0),
    (1, 1),
    (2, 5),
    (6, 20),
    (21, 100),
    (101, None),
)


@frozen
class LengthBin:
    """Sentences whose references are about as long."""

    low: int  #: words
    high: int
    samples: int
    chrf: float  #: mean sentence chrF
    bleu: float  #: mean sentence BLEU
    ratio: float  #: words of the translations by those of the references

    @property
    def label(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}–{self.high}"


@frozen
class FrequencyBin:
    """Words of references that occur about as often in training."""

    low: int
    high: int | None
    words: int  #: different ones
    occurrences: int
    recall: float  #: percent of the occurrences that the translations have

    @property
    def label(self) -> str:
        if self.high == 0:
            return "never"
        if self.high is None:
            return f"over {self.low - 1}"
        return str(self.low) if self.low == self.high else f"{self.low}–{self.high}"


@frozen
class Breakdowns:
    """``unit``: what is counted; ``note``: why words are not told by their frequency."""

    unit: str
    lengths: list[LengthBin]
    frequencies: list[FrequencyBin]
    note: str


def breakdowns(
    predictions: Sequence[Prediction], train: Iterable[str] | None, note: str = ""
) -> Breakdowns:
    """``train``: the sentences of training; None, and a note, where they are not at hand."""
    unspaced = is_unspaced([one.reference for one in predictions])
    return Breakdowns(
        unit="characters" if unspaced else "words",
        lengths=by_length(predictions),
        frequencies=[] if train is None else by_frequency(predictions, train),
        note=note,
    )


def by_length(predictions: Sequence[Prediction]) -> list[LengthBin]:
    """Bins of one width, from the shortest reference to the longest; none that is empty.

    A reference without words is left out.
    """
    counted = [(len(words(one.reference)), one) for one in predictions]
    counted = [(length, one) for length, one in counted if length]
    if not counted:
        return []
    lengths = [length for length, _ in counted]
    width = _width(min(lengths), max(lengths))
    bins: dict[int, list[Prediction]] = {}
    for length, one in counted:
        bins.setdefault((length - 1) // width, []).append(one)
    return [_length_bin(number * width + 1, width, bins[number]) for number in sorted(bins)]


def _width(low: int, high: int) -> int:
    """The least of 1, 2, 5, 10, 20, ... by which so many bins reach from low to high."""
    candidates = (width * 10**power for power in range(9) for width in _WIDTHS)
    return next(width for width in candidates if (high - 1) // width - (low - 1) // width < _BINS)


def _length_bin(low: int, width: int, found: Sequence[Prediction]) -> LengthBin:
    said, wanted = (
        sum(len(words(getattr(one, key))) for one in found) for key in ("hypothesis", "reference")
    )
    return LengthBin(
        low,
        low + width - 1,
        len(found),
        chrf=float(np.mean([one.chrf for one in found])),
        bleu=float(np.mean([one.bleu for one in found])),
        ratio=said / wanted,
    )


def by_frequency(predictions: Sequence[Prediction], train: Iterable[str]) -> list[FrequencyBin]:
    """How many of the references' words the translations have, by their frequency in training.

    Case counts for nothing. A word that is said once and wanted twice is had once.
    """
    known = Counter(word for text in train for word in words(text, lowercase=True))
    wanted, had = Counter[str](), Counter[str]()
    for one in predictions:
        reference = Counter(words(one.reference, lowercase=True))
        wanted += reference
        had += reference & Counter(words(one.hypothesis, lowercase=True))
    found = []
    for low, high in _FREQUENCIES:
        here = [
            word for word in wanted if low <= known[word] and (high is None or known[word] <= high)
        ]
        if here:
            occurrences = sum(wanted[word] for word in here)
            recall = 100 * sum(had[word] for word in here) / occurrences
            found.append(FrequencyBin(low, high, len(here), occurrences, recall))
    return found
