"""One page, complete in itself: no script, no font and no picture from anywhere else."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.hooks import hooks
from slp_train.evaluation.files import compare_runs
from slp_train.evaluation.scores import uses_signal, verdict
from slp_train.report import curves
from slp_train.report.artefacts import Run, read_run
from slp_train.report.confidence import Reliability, reliability
from slp_train.report.examples import Examples, examples

REPORT = "report.html"


@frozen
class Article:
    """All that is shown of one run."""

    run: Run
    verdict: str
    uses_signal: bool | None
    stages: dict[str, list[curves.Chart]]
    examples: Examples | None
    reliability: Reliability | None
    plugins: list[tuple[str, Markup]]


def report(run: Path | Sequence[Path]) -> Path:
    """Write a run's ``report.html``; of several runs, one that compares them, above them.

    Raises:
        UserError: a folder holds no run.
    """
    folders = [run] if isinstance(run, Path) else list(run)
    if not folders:
        raise UserError("no run was given to report on")
    articles = [_article(read_run(folder)) for folder in folders]
    home = folders[0] if len(folders) == 1 else Path(os.path.commonpath(folders))
    page = template("report.html.jinja").render(
        articles=articles, curves=curves, mean=_mean(articles), differences=_differences(articles)
    )
    write_text(home / REPORT, page)
    return home / REPORT


def _article(run: Run) -> Article:
    scored = run.evaluation
    return Article(
        run=run,
        verdict="" if scored is None else verdict(scored),
        uses_signal=None if scored is None else uses_signal(scored),
        stages={name: curves.charts(log) for name, log in run.logs.items()},
        examples=None if scored is None else examples(run),
        reliability=None if scored is None else reliability(scored.predictions),
        plugins=[
            (title, Markup(html))
            for sections in hooks().slp_report(run=run.folder)
            for title, html in sections
        ],
    )


def _mean(articles: Sequence[Article]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every score that all runs have."""
    scored = [one.run.evaluation for one in articles if one.run.evaluation is not None]
    if len(scored) < 2:
        return {}
    names = [n for n in scored[0].whole.scores if all(n in one.whole.scores for one in scored)]
    return {name: _spread([one.whole.scores[name].value for one in scored]) for name in names}


def _spread(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _differences(articles: Sequence[Article]) -> dict[Path, Any]:
    """Paired tests of each further run against the first, where they have the same samples."""
    found = {}
    for article in articles[1:]:
        try:
            compared = compare_runs(article.run.folder, articles[0].run.folder)
        except UserError:  # folds of a corpus, or not evaluated: no pair to test
            continue
        found[article.run.folder] = {one["name"]: one for one in compared["scores"]}
    return found


def template(name: str) -> Template:
    """A page's template, of those beside this module."""
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["flat"] = _flat
    return environment.get_template(name)


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Nested tables as ``("data.train.rows", 100)`` pairs; what is empty is left out."""
    if isinstance(value, Mapping):
        return [
            pair
            for name, inner in value.items()
            for pair in _flat(inner, f"{key}.{name}" if key else str(name))
        ]
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return [] if value in ("", None) else [(key, value)]
