"""What a model's confidence is worth: whether surer translations are better ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_train.evaluation.calibration import BINS, ENOUGH
from slp_train.evaluation.scores import Prediction
from slp_train.report.curves import Chart, Line, box, ticks


@frozen
class Bin:
    """Translations of about the same confidence."""

    samples: int
    low: float
    high: float
    expected: float | None  #: mean expected quality; None: not calibrated
    chrf: float  #: mean sentence chrF
    exact: float  #: percent that are the reference, letter by letter


@frozen
class Reliability:
    """Equally many translations a bin, the surest first; Spearman's rank correlation of
    confidence with sentence chrF (NaN where all are equal)."""

    bins: list[Bin]
    correlation: float

    @property
    def chart(self) -> Chart | None:
        """Quality (sentence chrF / 100) over what is expected of it, a point a bin, beside the
        diagonal of a perfect calibration; None where nothing is expected."""
        points = [(one.expected, one.chrf / 100) for one in self.bins if one.expected is not None]
        if not points:
            return None
        marks = ticks(0, 1)
        place = box(marks[-1], marks[0], marks[-1])
        lines = {"measured": points[::-1], "as expected": [(0.0, 0.0), (1.0, 1.0)]}
        return Chart(
            "quality, by expected quality",
            [Line(name, [place(*one) for one in line], line) for name, line in lines.items()],
            [(place(mark, 0)[0], f"{mark:g}") for mark in marks],
            [(place(0, mark)[1], f"{mark:g}") for mark in marks],
        )

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
            expected=_mean([ordered[n].expected for n in group]),
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


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


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
