"""What a recipe may write about supervised routes."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import min_len

from slp_core.spec import ComponentSpec

#: What routes are called, for every kind of span, where nobody says otherwise.
KINDS = {"sign": "signing", "name": "fingerspelling"}


@frozen
class RouteConfig:
    """``{ use = "route", on = "fusion", target = "spans" }``."""

    kinds: dict[str, str] = field(
        factory=KINDS.copy,
        validator=min_len(1),
        metadata={"help": 'the route of each kind of span; other kinds are not read, and steps '
                          'outside of all spans are "rest"'},
    )  # fmt: skip


SPEC = ComponentSpec(
    kind="objective",
    config=RouteConfig,
    factory="slp_fusion.objectives.route.model:Route",
    summary="The router's routes are those of annotated spans",
    paper="arXiv:2509.00030",
    trial="slp_fusion.trials:route",
)
