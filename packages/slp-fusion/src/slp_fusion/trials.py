"""How fusions and objectives are tried by the conformance kit, :mod:`slp_core.testing`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from slp_core.context import Context
from slp_core.tensortype import Rate, TensorType
from slp_core.testing import Trial
from slp_core.testing.standin import WIDTH, Linear, stand_in
from slp_core.testing.trial import ROWS, manifest
from slp_fusion.fusions.adaptive_gate.model import AdaptiveGate
from slp_fusion.fusions.adaptive_gate.spec import AdaptiveGateConfig
from slp_fusion.fusions.config import RouterConfig
from slp_fusion.mappers.ctc_expert.model import CTCExpert
from slp_fusion.mappers.ctc_expert.spec import CTCExpertConfig

MAPPER = "streams.signs.mapper"
OTHER = "streams.other.encoder"
ROUTE: dict[str, Any] = {"on": "frames", "between": ["signing", "fingerspelling"], "window": 3}
SPANS = [
    {"label": "RAIN", "kind": "sign", "start": 0, "end": 200},
    {"label": "fs-ANNA", "kind": "name", "start": 200, "end": 320},
]


def _streams() -> dict[str, TensorType]:
    """Frames, two experts, and lips at half the rate."""
    names = [ROUTE["on"], *ROUTE["between"]]
    streams = {name: TensorType("b t d", {"d": WIDTH}) for name in names}
    return {**streams, "lips": TensorType("b t d", {"d": WIDTH}, rate=Rate() / 2)}


def adaptive_gate(folder: Path) -> Trial:
    return Trial(config={"route": ROUTE, "gate": {"with": "lips"}}, inputs=_streams())


def cross_attention(folder: Path) -> Trial:
    return Trial(config={"route": ROUTE, "to": "lips", "heads": 2}, inputs=_streams())


def ctc(folder: Path) -> Trial:
    steps = TensorType("b t d", {"d": WIDTH})
    context = Context(inputs=steps, output=steps, train=manifest(folder, ROWS))
    config = CTCExpertConfig(target="gloss", heads=2, layers=1, stride=2)
    return Trial(pipeline=lambda: stand_in({MAPPER: CTCExpert(config, context)}), on=MAPPER)


def regression(folder: Path) -> Trial:
    pipeline = partial(stand_in, {OTHER: Linear()})
    return Trial(config={"to": OTHER}, pipeline=pipeline, on=MAPPER)


def route(folder: Path) -> Trial:
    rows = [{**row, "spans": json.dumps(SPANS[: number % 3])} for number, row in enumerate(ROWS)]
    streams = {name: one for name, one in _streams().items() if name != "lips"}
    config = AdaptiveGateConfig(route=RouterConfig(**ROUTE))
    parts = {f"streams.{name}.encoder": Linear() for name in streams}
    fusion = AdaptiveGate(config, Context(streams=streams))
    return Trial(
        pipeline=lambda: stand_in({**parts, "fusion": fusion}, signs=False),
        on="fusion",
        target="spans",
        rows=rows,
    )
