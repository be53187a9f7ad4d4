"""Score one system's translations, or compare two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import fields_dict

from slp_core.context import Context
from slp_core.registry import find
from slp_train.metrics.base import Array, Metric, Score, check_texts
from slp_train.metrics.bleu import Bleu
from slp_train.metrics.chrf import Chrf
from slp_train.metrics.rouge import RougeL
from slp_train.metrics.significance import (
    RESAMPLES,
    SEED,
    TRIALS,
    Comparison,
    compare_statistics,
    percentile_interval,
    resampled,
    sign,
)
from slp_train.metrics.spec import BleuConfig, ChrfPlusPlusConfig, TerConfig
from slp_train.metrics.ter import Ter


def make_metric(name: str, language: str | None = None, **options: Any) -> Metric:
    """The registered metric of that name, told the language of the references if it asks.

    Raises:
        UserError: no installed package registers it, or it cannot score that language.
    """
    spec = find("metric", name).load()
    told = {"language": language} if "language" in fields_dict(spec.config) else {}
    return spec.load()(spec.config(**{**told, **options}), Context())


def default_metrics(language: str | None = None) -> list[Metric]:
    """BLEU-1 to BLEU-4, chrF, chrF++, TER and ROUGE-L for references in ``language``."""
    return [
        *(Bleu(BleuConfig(order=order, language=language)) for order in range(1, 5)),
        Chrf(),
        Chrf(ChrfPlusPlusConfig()),
        Ter(TerConfig(language=language)),
        RougeL(),
    ]


def evaluate_texts(
    hypotheses: Sequence[str],
    references: Sequence[str],
    language: str | None = None,
    metrics: Sequence[str | Metric] | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Score]:
    """Score hypotheses against the raw references, with 95 % bootstrap intervals.

    ``metrics`` are names or metrics; without any, :func:`default_metrics`. ``language`` is told
    to the named ones. ``resamples = 0`` leaves the bootstrap out.

    Raises:
        UserError: as :func:`~slp_train.metrics.base.check_texts` and the metrics say.
    """
    check_texts(hypotheses, references)
    return [
        score_statistics(metric, metric.statistics(hypotheses, references), resamples, seed)
        for metric in _chosen(metrics, language)
    ]


def _chosen(metrics: Sequence[str | Metric] | None, language: str | None) -> list[Metric]:
    if metrics is None:
        return default_metrics(language)
    return [make_metric(m, language) if isinstance(m, str) else m for m in metrics]


def score_statistics(
    metric: Metric, statistics: Array, resamples: int = RESAMPLES, seed: int = SEED
) -> Score:
    """Score sentences by their statistics ``n k``, with a 95 % bootstrap interval."""
    value = metric.from_statistics(statistics.sum(axis=0))
    if resamples == 0:
        return Score(metric.name, value, metric.signature)
    scores = resampled(metric, statistics, resamples=resamples, seed=seed)[0]
    signature = sign(metric.signature, bs=resamples, seed=seed)
    return Score(metric.name, value, signature, percentile_interval(scores), float(scores.mean()))


def compare(
    hypotheses_a: Sequence[str],
    hypotheses_b: Sequence[str],
    references: Sequence[str],
    language: str | None = None,
    metrics: Sequence[str | Metric] | None = None,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
    seed: int = SEED,
) -> list[Comparison]:
    """Compare two systems on the same references: difference, its interval, two p-values.

    Arguments are those of :func:`evaluate_texts`; ``trials`` are of the randomisation.

    Raises:
        UserError: as for :func:`evaluate_texts`.
    """
    check_texts(hypotheses_a, references)
    check_texts(hypotheses_b, references)
    return [
        compare_statistics(
            metric,
            metric.statistics(hypotheses_a, references),
            metric.statistics(hypotheses_b, references),
            resamples,
            trials,
            seed,
        )
        for metric in _chosen(metrics, language)
    ]
