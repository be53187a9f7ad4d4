"""What may be wrong between a route objective and the fusion it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from slp_core.errors import Problem, did_you_mean
from slp_fusion.fusions.config import RouterConfig
from slp_fusion.objectives.route.spec import RouteConfig

if TYPE_CHECKING:
    from slp_core.check import Plan


def problems(plan: Plan) -> Iterator[Problem]:
    """Objectives on a part without routes, and kinds of spans whose route it does not have."""
    source = plan.recipe.source
    for number, stage in enumerate(plan.recipe.stages):
        for each, use in enumerate(stage.objectives):
            config = plan.objectives[stage.name][each].config
            if not isinstance(config, RouteConfig) or use.on not in plan.nodes:
                continue
            place = f"stages.{number}.objectives.{each}"
            route = getattr(plan.nodes[use.on].config, "route", None)
            if not isinstance(route, RouterConfig):
                said = f'"{use.on}" has no `route` to learn; write on = "fusion" and a route there'
                yield Problem(source.where(f"{place}.on"), f"{place}.on", said)
                continue
            for kind, name in config.kinds.items():
                if name not in route.routes:
                    key = f"{place}.kinds.{kind}"
                    said = f'"{name}" is no route{did_you_mean(name, route.routes)}'
                    yield Problem(source.where(key), key, said)
