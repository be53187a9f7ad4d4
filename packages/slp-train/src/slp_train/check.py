"""What ``slp check`` also says of stages (the trainer's keys, and what chooses the best) and of
metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slp_core import registry
from slp_core.errors import Problem, did_you_mean
from slp_core.hooks import hookimpl
from slp_train.arguments import trainer_problems

if TYPE_CHECKING:
    from slp_core.check import Node, Plan
    from slp_core.recipe import Recipe, Stage


@hookimpl
def slp_check(plan: Plan) -> list[Problem]:
    """The problems of every stage, and of the metrics."""
    recipe = plan.recipe
    found = [
        Problem(recipe.source.where(place), place, message)
        for number, stage in enumerate(recipe.stages)
        for key, message in _problems(stage, recipe)
        for place in [f"stages.{number}.{key}"]
    ]
    return found + [
        Problem(recipe.source.where(path), path, message) for path, message in _twice(plan.metrics)
    ]


def _twice(metrics: Sequence[Node]) -> Iterator[tuple[str, str]]:
    known = [(node.name, node.config) for node in metrics]
    for number, node in enumerate(metrics):
        if known[number] in known[:number]:
            yield node.path, f'"{node.name}" stands there twice'


def _problems(stage: Stage, recipe: Recipe) -> Iterator[tuple[str, str]]:
    for key, message in trainer_problems(stage.trainer):
        yield f"trainer.{key}", message
    losses = ["loss", *(use.label for use in stage.objectives)]
    known = [*losses, *(entry.name for entry in registry.of_kind("metric"))]
    if stage.select not in known:
        yield "select", f'"{stage.select}" is no metric{did_you_mean(stage.select, known)}'
    if recipe.data.validation is None:
        if stage.select != "loss":
            yield "select", "there is no validation data: write data.validation"
        if stage.patience is not None:
            yield "patience", "there is no validation data: write data.validation"
