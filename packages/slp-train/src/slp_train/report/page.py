"""One page, complete in itself: no script, no font and no picture from anywhere else."""

from __future__ import annotations

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
from slp_train.evaluation.scores import uses_signal, verdict
from slp_train.progress import say
from slp_train.report import curves
from slp_train.report.artefacts import Run, read_run
from slp_train.report.breakdowns import Breakdowns, breakdowns
from slp_train.report.comparison import comparison
from slp_train.report.confidence import Reliability, reliability
from slp_train.report.examples import Examples, examples
from slp_train.report.omissions import omissions
from slp_train.report.players import Budget

REPORT = "report.html"


@frozen
class Article:
    """All that is shown of one run."""

    run: Run
    verdict: str
    uses_signal: bool | None
    stages: dict[str, list[curves.Chart]]
    breakdowns: Breakdowns | None
    examples: Examples | None
    reliability: Reliability | None
    plugins: list[tuple[str, Markup]]
    omissions: list[str]


def report(run: Path | Sequence[Path]) -> Path:
    """Write a run's ``report.html``; of several runs, one that compares them, above them.

    Raises:
        UserError: a folder holds no run.
    """
    folders = [run] if isinstance(run, Path) else list(run)
    if not folders:
        raise UserError("no run was given to report on")
    budget = Budget()
    articles = [_article(read_run(folder), budget) for folder in folders]
    home = folders[0] if len(folders) == 1 else Path(os.path.commonpath(folders))
    page = template("report.html.jinja").render(
        articles=articles, compared=comparison([one.run for one in articles])
    )
    write_text(home / REPORT, page)
    for one in articles:
        for told in (one.run.unfinished, one.examples and one.examples.note):
            if told:
                say(f"{one.run.folder}: {told}")
    return home / REPORT


def _article(run: Run, budget: Budget) -> Article:
    scored = run.evaluation
    return Article(
        run=run,
        verdict="" if scored is None else verdict(scored),
        uses_signal=None if scored is None else uses_signal(scored),
        stages={name: curves.charts(log) for name, log in run.logs.items()},
        breakdowns=None if scored is None else breakdowns(scored.predictions, *_trained(run)),
        examples=None if scored is None else examples(run, budget),
        reliability=None if scored is None else reliability(scored.predictions),
        plugins=[
            (title, Markup(html))
            for sections in hooks().slp_report(run=run.folder)
            for title, html in sections
        ],
        omissions=omissions(run),
    )


def _trained(run: Run) -> tuple[list[str] | None, str]:
    """The sentences of training, or why they are not at hand."""
    try:
        manifest = run.manifest("train")
        assert run.recipe is not None
        return manifest.column(run.recipe.data.target), ""
    except (UserError, OSError) as error:
        return None, str(error)


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
    environment.globals["curves"] = curves
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
