"""The metrics that sacreBLEU computes (Post 2018, W18-6319)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from slp_train.metrics.base import Array, Metric


class SacreMetric(Metric):
    """A sacreBLEU metric behind the toolkit's interface; the only door to its internals.

    sacreBLEU gives sentence statistics to its own significance tests alone, through two
    methods with a leading underscore.
    """

    def __init__(self, config: Any, scorer: Any) -> None:
        super().__init__(config)
        scorer.num_refs = 1
        self._scorer = scorer
        self.signature = scorer.get_signature().format()

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        rows = self._scorer._extract_corpus_statistics(hypotheses, [references])
        return np.asarray(rows, dtype=np.float64)

    def from_statistics(self, summed: Array) -> float:
        return float(self._scorer._compute_score_from_stats(summed.tolist()).score)
