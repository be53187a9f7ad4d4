"""How sure a score is, and whether two systems differ.

Koehn 2004 (W04-3250) for the bootstrap; Riezler and Maxwell 2005 (W05-0908) for paired
approximate randomisation. Sentences are resampled as sufficient statistics, with sacreBLEU's
generator and default seed, so that its bootstrap means are met exactly.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from slp_train.metrics.base import Array, Metric

SEED = 12345
RESAMPLES = 1_000
TRIALS = 10_000
_ROUNDING = 1e-9  # differences of equal scores, after floating-point sums in another order


@frozen
class Comparison:
    """System a against system b under one metric; ``difference`` is ``a - b``, in percent.

    ``interval`` is the percentile interval of the difference. Both p-values are two-sided.
    """

    name: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_bootstrap: float
    p_randomisation: float
    signature: str


def resampled(
    metric: Metric, *systems: Array, resamples: int = RESAMPLES, seed: int = SEED
) -> Array:
    """Scores of resampled test sets, ``system resample``, from statistics ``n k`` of each system.

    Every system is scored on the same resamples.
    """
    rng = np.random.default_rng(seed)
    n = len(systems[0])
    scores = np.empty((len(systems), resamples))
    for resample in range(resamples):
        rows = rng.choice(n, size=n, replace=True)
        for system, statistics in enumerate(systems):
            scores[system, resample] = metric.from_statistics(statistics[rows].sum(axis=0))
    return scores


def percentile_interval(scores: Array, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that leaves out ``(1 - confidence) / 2`` of the scores on either side."""
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def randomisation_p(
    metric: Metric, a: Array, b: Array, trials: int = TRIALS, seed: int = SEED
) -> float:
    """How often swapping the systems' outputs at random gives a difference as large.

    ``a`` and ``b`` are statistics, ``n k``. A system against itself has p = 1.
    """
    rng = np.random.default_rng(seed)
    total_a, total_b, change = a.sum(axis=0), b.sum(axis=0), b - a
    observed = abs(metric.from_statistics(total_a) - metric.from_statistics(total_b))
    as_large = 0
    for swapped in ~rng.integers(2, size=(trials, len(a)), dtype=bool):
        moved = change[swapped].sum(axis=0)
        difference = metric.from_statistics(total_a + moved) - metric.from_statistics(
            total_b - moved
        )
        as_large += abs(difference) >= observed - _ROUNDING
    return float((as_large + 1) / (trials + 1))


def bootstrap_p(differences: Array, observed: float) -> float:
    """How often a resampled difference is as far from the observed one as that is from zero.

    Two-sided, by the shift method. sacreBLEU's paired bootstrap counts one tail of absolute
    differences, and so gives about half of this.
    """
    as_far = np.sum(np.abs(differences - observed) >= abs(observed) - _ROUNDING)
    return float((as_far + 1) / (len(differences) + 1))


def sign(signature: str, **draws: int) -> str:
    """The signature with what was drawn at random, where sacreBLEU puts it."""
    first, *rest = signature.split("|")
    return "|".join([first, *(f"{name}:{number}" for name, number in draws.items()), *rest])


def compare_statistics(
    metric: Metric,
    a: Array,
    b: Array,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
    seed: int = SEED,
) -> Comparison:
    """Compare two systems by their statistics ``n k`` on the same sentences."""
    scores = resampled(metric, a, b, resamples=resamples, seed=seed)
    differences = scores[0] - scores[1]
    score_a = metric.from_statistics(a.sum(axis=0))
    score_b = metric.from_statistics(b.sum(axis=0))
    return Comparison(
        name=metric.name,
        a=score_a,
        b=score_b,
        difference=score_a - score_b,
        interval=percentile_interval(differences),
        p_bootstrap=bootstrap_p(differences, score_a - score_b),
        p_randomisation=randomisation_p(metric, a, b, trials, seed),
        signature=sign(metric.signature, bs=resamples, ar=trials, seed=seed),
    )
