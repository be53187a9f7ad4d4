"""What this package does in a run: it checks what objectives compare, looks at alignment around
stages, and reports on it and on the words that ``cra`` found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.errors import Problem, did_you_mean
from slp_core.files import write_text
from slp_core.hooks import hookimpl
from slp_fusion.objectives.regression.spec import RegressionConfig
from slp_fusion.report import alignment, words

if TYPE_CHECKING:
    from slp_core.batch import Sample
    from slp_core.check import Plan
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage


@hookimpl
def slp_check(plan: Plan) -> list[Problem]:
    """Both ends of a regression that are no part which gives steps."""
    source = plan.recipe.source
    giving = [
        path for path, node in plan.nodes.items() if node.kind not in ("processor", "decoder")
    ]
    return [
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
    """Write ``alignment.after.json`` where the stage aligned signs with text."""
    _look(pipeline, stage, samples, folder / alignment.AFTER)


def _look(pipeline: Pipeline, stage: Stage, samples: list[Sample], file: Path) -> None:
    from slp_fusion.objectives.outcome import aligned_part, outcome

    on = aligned_part(stage)
    if on is not None and samples:
        told = outcome(on, pipeline, samples)
        write_text(file, json.dumps(told, ensure_ascii=False, indent=1) + "\n")


@hookimpl
def slp_report(run: Path) -> list[tuple[str, str]]:
    """The words that were found, and how alike signs and text became."""
    return [*words.sections(run), *alignment.sections(run)]
