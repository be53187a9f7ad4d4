"""What a model's confidence is worth: whether surer translations are better ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_train.evaluation.scores import Prediction

ENOUGH = 50  # samples
BINS = 5


@frozen
class Bin:
    """Translations of about the same confidence."""

    samples: int
    low: float
    high: float
    chrf: float  #: mean sentence chrF
    exact: float  #: percent that are the reference, letter by letter


@frozen
class Reliability:
    """Equally many translations a bin, the surest first; Spearman's rank correlation of
    confidence with sentence chrF (NaN where all are equal)."""

    bins: list[Bin]
    correlation: float

    @property
    def verdict(self) -> str:
        if not self.correlation >= 0.2:
            return "Confidence does not tell good translations from bad ones here."
        how = "well" if self.correlation >= 0.6 else "roughly"
        return f"Confidence tells good translations from bad ones {how}."


def reliability(predictions: Sequence[Prediction]) -> Reliability | None:
    """Bins of confidence; None for fewer than 50 predictions, which say too little."""
    if len(predictions) < ENOUGH:
        return None
    ordered = sorted(predictions, key=lambda one: -one.confidence)
    bins = [
        Bin(
            samples=len(group),
            low=ordered[group[-1]].confidence,
            high=ordered[group[0]].confidence,
            chrf=float(np.mean([ordered[n].chrf for n in group])),
            exact=100 * float(np.mean([_is_exact(ordered[n]) for n in group])),
        )
        for group in np.array_split(np.arange(len(ordered)), BINS)
    ]
    return Reliability(
        bins,
        spearman(
            np.array([one.confidence for one in predictions]),
            np.array([one.chrf for one in predictions]),
        ),
    )


def _is_exact(one: Prediction) -> bool:
    return one.hypothesis.split() == one.reference.split()


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The correlation of ranks, equal values sharing their mean rank."""
    x, y = _ranks(a), _ranks(b)
    if x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
