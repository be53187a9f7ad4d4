"""What the confidence of translations is worth: learnt on validation, measured elsewhere.

A translation is not right or wrong: most are right in part, and of two that differ from the
reference one may say the same in other words. Its quality is therefore graded, as its sentence
chrF / 100. The expected quality of a translation is the quality that translations of its raw
confidence had on validation, smoothed by isotonic regression (Zadrozny and Elkan, KDD 2002).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from sacrebleu import CHRF

from slp_core.confidence import Calibration
from slp_core.corpus import Progress
from slp_train.evaluation.scores import Confidence, Gap, Kept
from slp_train.evaluation.translation import translate_dataset
from slp_train.metrics.base import Array
from slp_train.metrics.significance import RESAMPLES, SEED
from slp_train.progress import say

if TYPE_CHECKING:
    from slp_core.dataset import SampleDataset
    from slp_core.pipeline import Pipeline

QUALITY = "sentence chrF / 100"
ENOUGH = 50  #: translations, to say anything
BINS = 10
GROUP = 10  #: neighbours in confidence that are taken together
COVERAGES = (1.0, 0.8, 0.6, 0.4)


def calibrate(
    pipeline: Pipeline, dataset: SampleDataset, split: str, progress: Progress | None = None
) -> Calibration | None:
    """Translate a split as the recipe's ``[evaluation]`` says, and learn what the confidence of
    these translations is worth; None, and a word to the user, where they are too few."""
    if len(dataset) < ENOUGH:
        say(
            f"{split}: {len(dataset)} rows are too few to calibrate the confidence ({ENOUGH} are "
            "needed): translations have no expected quality"
        )
        return None
    settings, target = pipeline.recipe.evaluation, pipeline.recipe.data.target
    said = translate_dataset(
        pipeline,
        dataset,
        batch_steps=settings.batch_steps,
        generation=settings.generation,
        progress=progress,
    )
    chrf = CHRF()
    pairs = zip(said, dataset.rows, strict=True)
    quality = [chrf.sentence_score(one.text, [row.get(target)]).score / 100 for one, row in pairs]
    confidence, expected = fit([one.confidence for one in said], quality)
    return Calibration(
        confidence.tolist(),
        expected.tolist(),
        quality=QUALITY,
        split=split,
        samples=len(said),
        generation=dict(settings.generation),
    )


def fit(confidence: Iterable[float], quality: Iterable[float]) -> tuple[Array, Array]:
    """Isotonic regression of quality on confidence: the breakpoints, ``k`` confidences that rise
    and ``k`` qualities that do not fall.

    It is of the means of about ten neighbours each, so that nothing is promised on the strength of
    the one translation that happened to be surest, which lone ends of a regression would do.
    What is no confidence (NaN) counts as none.
    """
    given, worth = np.nan_to_num([*confidence]), np.array([*quality])
    groups = np.array_split(np.argsort(given, kind="stable"), max(len(given) // GROUP, 1))
    means = [given[group].mean() for group in groups]
    points, place = np.unique(means, return_inverse=True)  # where many are equal, fewer points
    sizes = np.bincount(place, [len(group) for group in groups]).astype(float)
    sums = np.bincount(place, [worth[group].sum() for group in groups])
    levels = np.clip(isotonic(sums / sizes, sizes), 0, 1)
    rises = np.diff(levels) > 0
    ends = np.append(True, rises) | np.append(rises, True)  # of the level stretches
    return points[ends], levels[ends]


def isotonic(values: Array, weights: Array) -> Array:
    """The non-decreasing sequence nearest to ``values`` (``n``) in weighted squares, by pooling
    neighbours that fall (Barlow et al., 1972)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        length = 1
        while pools and pools[-1][0] > value:
            mean, other, more = pools.pop()
            value = (mean * other + value * weight) / (other + weight)
            weight, length = weight + other, length + more
        pools.append((value, weight, length))
    return np.repeat([pool[0] for pool in pools], [pool[2] for pool in pools])


def judge(
    raw: Iterable[float],
    expected: Iterable[float | None],
    quality: Iterable[float],
    *,
    in_sample: bool,
) -> Confidence | None:
    """What confidence is worth on some translations, by their quality in [0, 1]; None for fewer
    than 50, which say too little. ``in_sample``: the calibration was fitted to these very ones."""
    given, quality = np.nan_to_num([*raw]), np.array([*quality])
    promised = np.array([*expected], dtype=float)  # NaN where nothing is expected
    if len(quality) < ENOUGH:
        return None
    surest = np.argsort(-given, kind="stable")
    calibrated = not np.isnan(promised).any()
    kept = []
    for coverage in COVERAGES:
        chosen = surest[: round(coverage * len(surest))]
        lowest = float(promised[chosen].min()) if calibrated else None
        kept.append(Kept(coverage, len(chosen), lowest, 100 * float(quality[chosen].mean())))
    return Confidence(
        bins=BINS,
        raw=gap(given[surest], quality[surest]),
        expected=gap(promised[surest], quality[surest]) if calibrated else None,
        in_sample=in_sample and calibrated,
        kept=kept,
    )


def gap(promised: Array, quality: Array, bins: int = BINS, resamples: int = RESAMPLES) -> Gap:
    """The expected calibration error (Naeini et al., AAAI 2015) of ``n`` promises, in the order of
    the confidence: over bins of equally many, sum_b n_b / n |mean promised - mean quality|.

    It is never below zero, so that chance alone makes it larger: an interval by resampling would
    hold more of that, and may leave the error itself out. What chance makes of a perfect
    calibration is told instead, by resampling what is left in each bin when its mean is taken out.
    """
    rng = np.random.default_rng(SEED)
    error, chance = 0.0, np.zeros(resamples)
    for part in np.array_split(promised - quality, bins):
        error += abs(float(part.sum())) / len(quality)
        left = (part - part.mean()) * np.sqrt(len(part) / max(len(part) - 1, 1))
        chance += np.abs(rng.choice(left, (resamples, len(part))).sum(1)) / len(quality)
    return Gap(error, float(np.quantile(chance, 0.95)))
