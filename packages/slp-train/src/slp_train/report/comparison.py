"""Several runs beside each other: means, and paired tests against the first of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from slp_core.errors import UserError
from slp_train.evaluation.files import compare_runs
from slp_train.evaluation.scores import SIGNIFICANT
from slp_train.report.artefacts import Run


@frozen
class Difference:
    """A run against the first one, on the same samples."""

    run: Run
    scores: dict[str, dict[str, Any]]  #: by metric; see ``slp_train.metrics.significance``
    verdict: str  #: of the headline; or why there is no test

    def is_sure(self, name: str) -> bool:
        return self.scores[name]["p_randomisation"] < SIGNIFICANT


@frozen
class Comparison:
    """``means``: mean and standard deviation of every score that all runs have."""

    means: dict[str, tuple[float, float]]
    differences: list[Difference]


def comparison(runs: Sequence[Run]) -> Comparison:
    """Of runs, the first of which is the one to beat."""
    return Comparison(_means(runs), [difference(one, runs[0]) for one in runs[1:]])


def difference(run: Run, first: Run) -> Difference:
    """Paired tests of a run against another, where they were evaluated on the same samples."""
    try:
        compared = compare_runs(run.folder, first.folder)
    except UserError as error:  # folds of a corpus, or not evaluated: no pair to test
        return Difference(run, {}, f"Not tested: {error}")
    assert first.evaluation is not None
    scores = {one["name"]: one for one in compared["scores"]}
    shared = [name for name in (first.evaluation.headline, *scores) if name in scores]
    return Difference(run, scores, _verdict(scores[shared[0]], compared["lower_is_better"]))


def _verdict(found: dict[str, Any], lower_is_better: Sequence[str]) -> str:
    name, by, p = found["name"], found["difference"], found["p_randomisation"]
    if p >= SIGNIFICANT:
        return f"Not shown to differ in {name} (p = {p:.2g})."
    better = (by > 0) != (name in lower_is_better)
    return f"{'Better' if better else 'Worse'} by {abs(by):.1f} {name} (p = {p:.2g})."


def _means(runs: Sequence[Run]) -> dict[str, tuple[float, float]]:
    scored = [one.evaluation for one in runs if one.evaluation is not None]
    if len(scored) < 2:
        return {}
    names = [n for n in scored[0].whole.scores if all(n in one.whole.scores for one in scored)]
    return {name: _spread([one.whole.scores[name].value for one in scored]) for name in names}


def _spread(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
