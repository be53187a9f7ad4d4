"""Where a fusion's routes and gates went, step by step, beside what was signed there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import rankdata

from slp_core.batch import Sample, collate
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_fusion.fusions.adaptive_gate.model import AdaptiveGate
from slp_fusion.fusions.routing import RoutedFusion
from slp_fusion.objectives.route.spans import Span, spans_of
from slp_fusion.objectives.route.spec import KINDS

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Recipe


def area_under_curve(scores: np.ndarray, truth: np.ndarray) -> float | None:
    """Of the receiver operating characteristic: how likely a true one of ``n`` has a higher score
    than one that is not, ties counting half. None where all are true, or none."""
    true = int(truth.sum())
    pairs = true * (len(truth) - true)
    if not pairs:
        return None
    return float((rankdata(scores)[truth].sum() - true * (true + 1) / 2) / pairs)


@torch.no_grad()
def route_auc(
    pipeline: Pipeline,
    samples: Iterable[Sample],
    *,
    route: str = "fingerspelling",
    kind: str = "name",
    column: str = "spans",
) -> float | None:
    """The area under the ROC curve of P(``route``) at every step of all samples together, against
    whether the step lies in a span of ``kind``. None where no step does, or every one.

    The pipeline is in evaluation mode. Clips pass one by one.

    Raises:
        UserError: there is no such route, the steps have no clock, or spans cannot be read.
    """
    scores, truth = list[np.ndarray](), list[np.ndarray]()
    for sample in samples:
        fusion, streams = _reached(pipeline, sample)
        if route not in fusion.route_names:
            raise UserError(f'"{route}" is no route of {", ".join(fusion.route_names) or "none"}')
        steps = fusion.routes(streams)
        spans = [one for one in spans_of(sample.row, column) if one.kind == kind]
        if bool(steps.rate.isnan()):
            raise UserError(f"{sample.row.where}: its steps have no rate in Hz")
        scores.append(steps.steps[:, fusion.route_names.index(route)].cpu().numpy())
        truth.append(within(spans, len(scores[-1]), float(steps.rate)))
    return area_under_curve(np.concatenate(scores), np.concatenate(truth)) if scores else None


def within(spans: Iterable[Span], steps: int, rate: float) -> np.ndarray:
    """Whether the middle of each of ``steps`` steps, at ``rate`` Hz, lies in one of the spans."""
    middles = (np.arange(steps) + 0.5) * 1000 / rate
    found = np.zeros(steps, bool)
    for span in spans:
        found |= (span.start <= middles) & (middles < span.end)
    return found


@torch.no_grad()
def outcome(pipeline: Pipeline, samples: list[Sample]) -> dict[str, Any]:
    """``routes``: their names; ``auc``: for every kind of span, the area under the curve of its
    route over all samples; ``samples``: their ``id`` and ``text``, ``rate`` in Hz (None: no clock),
    ``probabilities`` ``t r``, ``gate`` (the mean over channels) ``t`` or None, ``shares`` (the mean
    over time, by stream), and ``spans`` in ms.

    The pipeline is in evaluation mode. Clips pass one by one.
    """
    column, kinds = _supervision(pipeline.recipe)
    names = pipeline.part("fusion").route_names
    kinds = {kind: route for kind, route in kinds.items() if route in names}
    told, scores, truth = list[dict[str, Any]](), list[np.ndarray](), list[dict[str, np.ndarray]]()
    for sample in samples:
        facts = _facts(pipeline, sample)
        spans = _spans(sample, column) if facts["rate"] else None
        if kinds and spans is not None:
            scores.append(np.array(facts["probabilities"]))  # (t, r)
            truth.append(
                {kind: within(_of(kind, spans), len(scores[-1]), facts["rate"]) for kind in kinds}
            )
        shown = [
            {"route": kinds[one.kind], "label": one.label, "start": one.start, "end": one.end}
            for one in spans or []
            if one.kind in kinds
        ]
        told.append({**facts, "spans": shown})
    areas = {
        kind: area_under_curve(
            np.concatenate(scores)[:, names.index(route)],
            np.concatenate([one[kind] for one in truth]),
        )
        for kind, route in kinds.items()
        if scores
    }
    known = {kind: round(area, 4) for kind, area in areas.items() if area is not None}
    return {"routes": list(names), "kinds": kinds, "auc": known, "samples": told}


def _reached(pipeline: Pipeline, sample: Sample) -> tuple[RoutedFusion, dict[str, Sequence]]:
    """The fusion and what its streams ended in."""
    fusion = pipeline.part("fusion")
    if not isinstance(fusion, RoutedFusion):
        raise UserError(f"{type(fusion).__name__} has no routes")
    ends = pipeline(collate([sample]).to(pipeline.device)).ends
    return fusion, {name: ends[name] for name in pipeline.recipe.fused}


def _facts(pipeline: Pipeline, sample: Sample) -> dict[str, Any]:
    fusion, streams = _reached(pipeline, sample)
    steps = streams[fusion.experts[0]]
    rate = None if bool(steps.rate.isnan()) else float(steps.rate)
    routes = fusion.routes(streams).steps.tolist() if fusion.router else [[] for _ in steps.steps]
    gate = None
    if isinstance(fusion, AdaptiveGate) and fusion.gate is not None:
        gate = [round(one, 3) for one in fusion.gates(streams).steps.float().mean(1).tolist()]
    return {
        "id": sample.row.id,
        "text": sample.row.get(pipeline.recipe.data.target),
        "rate": rate,
        "probabilities": [[round(one, 5) for one in step] for step in routes],
        "gate": gate,
        "shares": {
            name: round(float(one.steps.mean()), 3) for name, one in fusion.shares(streams).items()
        },
    }


def _supervision(recipe: Recipe) -> tuple[str, Mapping[str, str]]:
    """The column of spans and the routes of their kinds: those of the recipe's first ``route``
    objective, or what they are by default."""
    for stage in recipe.stages:
        for use in stage.objectives:
            if use.part.name.removeprefix("slp-fusion:") == "route":
                return use.target or recipe.data.target, use.part.options.get("kinds", KINDS)
    return "spans", KINDS


def _spans(sample: Sample, column: str) -> list[Span] | None:
    """None where nothing can be read: then there is less to look at, and nothing to refuse."""
    try:
        return spans_of(sample.row, column)
    except UserError:
        return None


def _of(kind: str, spans: list[Span]) -> list[Span]:
    return [one for one in spans if one.kind == kind]
