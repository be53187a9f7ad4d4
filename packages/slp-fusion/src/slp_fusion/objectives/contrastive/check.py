"""What `slp check` says of contrastive objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slp_core.errors import Problem
from slp_fusion.objectives.contrastive.spec import ContrastiveConfig

if TYPE_CHECKING:
    from slp_core.check import Plan


def problems(plan: Plan) -> list[Problem]:
    """Parts whose steps the language model's encoder does not read, but is to."""
    said = (
        'the encoder reads what the decoder reads; leave `on` out, or write through = "embeddings"'
    )
    return [
        Problem(plan.recipe.source.where(place), place, f'"{use.on}": {said}')
        for number, stage in enumerate(plan.recipe.stages)
        for each, use in enumerate(stage.objectives)
        if isinstance(config := plan.objectives[stage.name][each].config, ContrastiveConfig)
        if config.through == "encoder" and use.on != "decoder"
        for place in [f"stages.{number}.objectives.{each}.on"]
    ]
