"""What this package does in a run: it checks what objectives compare, looks at alignment around
stages and at routes after them, and reports on both and on the words that ``cra`` found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.check import matches
from slp_core.errors import Problem, did_you_mean
from slp_core.files import write_text
from slp_core.hooks import hookimpl
from slp_fusion.objectives.contrastive import check as contrastive_check
from slp_fusion.objectives.ctc import check as ctc_check
from slp_fusion.objectives.regression.spec import RegressionConfig
from slp_fusion.objectives.route import check as route_check
from slp_fusion.report import alignment, routes, words

if TYPE_CHECKING:
    from slp_core.batch import Sample
    from slp_core.check import Plan
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage


@hookimpl
def slp_check(plan: Plan) -> list[Problem]:
    """Both ends of a regression that are no part which gives steps; routes that are none; what is
    to be read by CTC, or by the language model's encoder, but is not."""
    source = plan.recipe.source
    giving = [
        path for path, node in plan.nodes.items() if node.kind not in ("processor", "decoder")
    ]
    checks = (contrastive_check, ctc_check, route_check)
    return [problem for one in checks for problem in one.problems(plan)] + [
        Problem(source.where(place), place, f'"{end}" gives no steps{did_you_mean(end, giving)}')
        for number, stage in enumerate(plan.recipe.stages)
        for each, use in enumerate(stage.objectives)
        if isinstance(config := plan.objectives[stage.name][each].config, RegressionConfig)
        for key, end in (("on", use.on), ("to", config.to))
        if end not in giving
        for place in [f"stages.{number}.objectives.{each}.{key}"]
    ]


@hookimpl
def slp_before_stage(pipeline: Pipeline, stage: Stage, samples: list[Sample], folder: Path) -> None:
    """Write ``alignment.before.json`` where the stage aligns signs with text."""
    _look(pipeline, stage, samples, folder / alignment.BEFORE)


@hookimpl
def slp_after_stage(pipeline: Pipeline, stage: Stage, samples: list[Sample], folder: Path) -> None:
    """Write ``alignment.after.json`` where the stage aligned signs with text, ``routes.json`` where
    it trained a fusion with routes or a gate."""
    _look(pipeline, stage, samples, folder / alignment.AFTER)
    _follow(pipeline, stage, samples, folder / routes.FILE)


def _look(pipeline: Pipeline, stage: Stage, samples: list[Sample], file: Path) -> None:
    from slp_fusion.objectives.outcome import aligned_part, outcome

    aligned = aligned_part(stage)
    if aligned is not None and samples:
        on, through = aligned
        told = outcome(on, pipeline, samples, through)
        write_text(file, json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def _follow(pipeline: Pipeline, stage: Stage, samples: list[Sample], file: Path) -> None:
    trains = any(matches(pattern.partition(".")[0], "fusion") for pattern in stage.train)
    if not (trains and samples and "fusion" in pipeline.parts):
        return
    from slp_fusion.fusions.routing import RoutedFusion
    from slp_fusion.objectives.route.outcome import outcome

    if isinstance(pipeline.part("fusion"), RoutedFusion):
        told = outcome(pipeline, samples)
        write_text(file, json.dumps(told, ensure_ascii=False) + "\n")


@hookimpl
def slp_report(run: Path) -> list[tuple[str, str]]:
    """The words that were found, how alike signs and text became, where routes and gates went."""
    return [*words.sections(run), *alignment.sections(run), *routes.sections(run)]
