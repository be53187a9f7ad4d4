"""What may be wrong between the objective ``ctc`` and the part it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slp_core.errors import Problem, did_you_mean
from slp_core.units import UnitsConfig
from slp_fusion.objectives.ctc.spec import CTCConfig

if TYPE_CHECKING:
    from slp_core.check import Plan


def problems(plan: Plan) -> Iterator[Problem]:
    """Objectives on a part that reads no column by CTC, or another one than they say."""
    source, columns = plan.recipe.source, _columns(plan)
    for number, stage in enumerate(plan.recipe.stages):
        for each, use in enumerate(stage.objectives):
            if not isinstance(plan.objectives[stage.name][each].config, CTCConfig):
                continue
            place = f"stages.{number}.objectives.{each}"
            if use.on not in columns:
                said = (
                    f'"{use.on}" reads no column by CTC{did_you_mean(use.on, columns)}; name a '
                    'mapper "ctc-expert", or a decoder "ctc"'
                )
                yield Problem(source.where(f"{place}.on"), f"{place}.on", said)
            elif use.target not in (None, columns[use.on]):
                said = (
                    f'"{use.target}" was written, but {use.on} reads `{columns[use.on]}`; leave it '
                    "out here, or change it there"
                )
                yield Problem(source.where(f"{place}.target"), f"{place}.target", said)


def _columns(plan: Plan) -> dict[str, str]:
    """What is read by CTC, by the path of the part: of the pipeline, or inside one of its parts."""
    default = plan.recipe.data.target
    return {
        path: getattr(config, "target", None) or default
        for path, config in plan.configs().items()
        if isinstance(config, UnitsConfig)
    }
