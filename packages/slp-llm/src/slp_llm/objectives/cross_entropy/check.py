"""What may be wrong between the objective ``cross-entropy`` and the decoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slp_core.errors import Problem
from slp_llm.objectives.cross_entropy.spec import CrossEntropyConfig

if TYPE_CHECKING:
    from slp_core.check import Plan


def problems(plan: Plan) -> Iterator[Problem]:
    """Objectives on another part than the decoder, or of another column than its text."""
    source, text = plan.recipe.source, plan.recipe.data.target
    for number, stage in enumerate(plan.recipe.stages):
        for each, use in enumerate(stage.objectives):
            if not isinstance(plan.objectives[stage.name][each].config, CrossEntropyConfig):
                continue
            place = f"stages.{number}.objectives.{each}"
            if use.on != "decoder":
                said = (
                    f'"{use.on}" was written, but cross-entropy is of the text that the whole '
                    "decoder says, a cascade's as well; leave it out"
                )
                yield Problem(source.where(f"{place}.on"), f"{place}.on", said)
            if use.target not in (None, text):
                said = (
                    f'"{use.target}" was written, but the decoder learns `{text}`; leave it out '
                    "here, or change data.target"
                )
                yield Problem(source.where(f"{place}.target"), f"{place}.target", said)
