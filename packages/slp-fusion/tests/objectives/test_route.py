"""Routes learnt from spans: classes and losses against loops, areas against all pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.batch import Sample, collate
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Fusion
from slp_core.pipeline import Trace
from slp_core.recipe import ObjectiveUse, Stage, Use
from slp_core.sequence import Sequence
from slp_core.signals import Signal
from slp_core.tensortype import TensorType
from slp_fusion import (
    AdaptiveGate,
    AdaptiveGateConfig,
    GateConfig,
    Route,
    RouteConfig,
    RouterConfig,
)
from slp_fusion.hooks import slp_after_stage
from slp_fusion.objectives.route.outcome import area_under_curve, outcome, route_auc, within
from slp_fusion.objectives.route.spans import Span, spans_of

NAMES = ["frames", "signing", "fingerspelling", "lips"]
D = 3
STEPS = [8, 5, 11]
SPANS: list[list[dict[str, Any]]] = [
    [
        {"label": "RAIN", "kind": "sign", "start": 0, "end": 100},
        {"label": "ay", "kind": "mouthing", "start": 0, "end": 300},
        {"label": "fs-BO", "kind": "name", "start": 140, "end": 260},
        {"label": "B", "kind": "letter", "start": 140, "end": 200},
    ],
    [],
    [
        {"label": "SUN", "kind": "sign", "start": 20, "end": 304.4},
        {"label": "fs-A", "kind": "name", "start": 60, "end": 140},  # inside: the last one counts
    ],
]


class Given:
    """A pipeline whose streams end in what was read of them."""

    device = torch.device("cpu")
    parts = ("fusion",)

    def __init__(self, rest: bool = True, stages: list[Stage] | None = None, **keys: Any) -> None:
        torch.manual_seed(0)
        keys = {"gate": GateConfig("lips"), **keys}
        route = RouterConfig(on="frames", between=NAMES[1:3], rest=rest)
        config = AdaptiveGateConfig(**{"route": route, **keys})
        types = {name: TensorType("b t d", {"d": D}) for name in NAMES}
        self.fusion: Any = AdaptiveGate(config, Context(streams=types)).eval()
        for parameter in self.fusion.parameters():
            torch.nn.init.normal_(parameter)
        self.recipe = SimpleNamespace(
            fused=NAMES, data=SimpleNamespace(target="text"), stages=stages or []
        )

    def part(self, path: str) -> Any:
        return {"fusion": self.fusion, "mapper": torch.nn.Linear(1, 1)}[path]

    def __call__(self, batch: Any) -> Trace:
        return Trace({}, self.fusion(batch.signals), batch.signals)


def row(number: int, spans: Any, **fields: str) -> Row:
    written = spans if isinstance(spans, str) else json.dumps(spans)
    told = {"id": f"clip-{number}", "text": "rain & sun", "spans": written, **fields}
    return Row(told, Path("rows.tsv"), number + 2)


def samples(rate: float = 25.0) -> list[Sample]:
    rng = np.random.default_rng(0)
    return [
        Sample(
            row(number, spans),
            {
                name: Signal(rng.standard_normal((steps, D), dtype=np.float32), rate)
                for name in NAMES
            },
        )
        for number, (steps, spans) in enumerate(zip(STEPS, SPANS, strict=True))
    ]


def objective(**options: Any) -> Route:
    made = Route(RouteConfig(**options), Context(path="route"))
    made.on, made.target = "fusion", "spans"
    return made


def measured(made: Route, pipeline: Any, read: list[Sample]) -> torch.Tensor:
    told = [Sample(one.row, one.signals, made.encode(one.row, pipeline)) for one in read]
    batch = collate(told)
    assert made.count(batch) == len(read)
    trace = pipeline(batch)
    for one in trace.ends.values():
        one.values[~one.mask] = math.nan
    return made(pipeline, trace, batch)


@pytest.mark.parametrize("rest", [True, False])
def test_it_is_the_cross_entropy_of_each_steps_class(rest: bool) -> None:
    pipeline, read = Given(rest), samples()
    expected = 0.0
    for one in read:
        frames = Sequence.pad([torch.from_numpy(one.signals["frames"].values)], [25.0])
        odds = pipeline.fusion.router(frames).values[0].log_softmax(-1)
        losses = []
        for step in range(frames.values.shape[1]):
            middle, wanted = (step + 0.5) * 40, 2 if rest else None
            for span in json.loads(one.row.get("spans")):
                known = {"sign": 0, "name": 1}
                if span["kind"] in known and span["start"] <= middle < span["end"]:
                    wanted = known[span["kind"]]
            if wanted is not None:
                losses.append(-odds[step, wanted].item())
        expected += float(np.mean(losses)) if losses else 0.0
    found = measured(objective(), pipeline, read)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    found.backward()
    for parameter in pipeline.fusion.router.parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any()


def test_a_batch_is_the_sum_of_its_samples() -> None:
    pipeline, made, read = Given(), objective(), samples()
    alone = sum(measured(made, pipeline, [one]).item() for one in read)
    assert measured(made, pipeline, read).item() == pytest.approx(alone, rel=1e-6)


def test_it_learns_the_routes() -> None:
    pipeline, made, read = Given(), objective(), samples()
    router = pipeline.fusion.router
    before = measured(made, pipeline, read).item()
    optimiser = torch.optim.Adam(router.parameters(), 0.1)
    for _ in range(30):
        optimiser.zero_grad()
        measured(made, pipeline, read).backward()
        optimiser.step()
    assert measured(made, pipeline, read).item() < before * 0.75


def test_times_are_those_of_the_file() -> None:
    """A row that is a piece of its file: step 0 is where the piece begins."""
    cut = row(0, SPANS[0], start="100", end="400")
    told = objective().encode(cut, Given())  # type: ignore[arg-type]
    assert told == {"route.spans": [0, -100, 0, 1, 40, 160]}
    assert [(one.start, one.end) for one in spans_of(cut, "spans")][2] == (40, 160)


def test_kinds_may_have_other_routes() -> None:
    made = objective(kinds={"letter": "fingerspelling", "mouthing": "rest"})
    told = made.encode(row(0, SPANS[0]), Given())  # type: ignore[arg-type]
    assert told == {"route.spans": [2, 0, 300, 1, 140, 200]}


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ("", "no JSON"),
        ("a lot of rain", "no JSON"),
        ({"label": 1}, '{"label": 1} is no list'),
        ([{"label": "A", "kind": "sign", "start": 1}], "lacks a key"),
        (["A"], '"A" lacks a key'),
        ([{"label": "A", "kind": "sign", "start": "1", "end": 2}], "wrong times"),
        ([{"label": "A", "kind": "sign", "start": 3, "end": 2}], "wrong times"),
    ],
)
def test_what_is_no_list_of_spans_is_told_by_line(spans: Any, message: str) -> None:
    with pytest.raises(UserError, match=r"rows\.tsv:6: spans: .*is expected") as caught:
        objective().encode(row(4, spans), Given())  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_what_cannot_be_learnt_is_told() -> None:
    pipeline: Any = Given()
    made = objective()
    made.target = "span"
    with pytest.raises(UserError, match='rows.tsv:2: no column "span"; did you mean "spans"'):
        made.encode(row(0, []), pipeline)
    with pytest.raises(UserError, match='kinds.name = "spelling" is no route of "fusion"'):
        objective(kinds={"name": "spelling"}).encode(row(0, []), pipeline)
    elsewhere = objective()
    elsewhere.on = "mapper"
    with pytest.raises(UserError, match='on = "mapper" has no `route`'):
        elsewhere.encode(row(0, []), pipeline)
    with pytest.raises(UserError, match='rows.tsv:2: route: .* of "signing" have no rate in Hz'):
        measured(objective(), pipeline, samples(math.nan))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=25))
def test_the_area_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores, truth = (np.array(one) for one in zip(*pairs, strict=True))
    order = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, true in pairs if true
        for b, other in pairs if not other
    ]  # fmt: skip
    found = area_under_curve(scores, truth)
    assert found is None if not order else found == pytest.approx(np.mean(order))


def test_a_step_is_where_its_middle_is() -> None:
    spans = [Span("A", "name", 20, 61), Span("B", "name", 100, 140)]  # middles: 20, 60, 100, 140
    assert within(spans, 5, 25.0).tolist() == [True, True, True, False, False]


def probabilities(pipeline: Given, one: Sample) -> torch.Tensor:
    frames = Sequence.pad([torch.from_numpy(one.signals["frames"].values)], [25.0])
    return pipeline.fusion.router(frames).values[0].softmax(-1)


def test_the_area_of_a_split_is_that_of_all_its_steps() -> None:
    pipeline, read = Given(), samples()
    scores, truth = [], []
    for one in read:
        for step, odds in enumerate(probabilities(pipeline, one).tolist()):
            scores.append(odds[1])
            spans = json.loads(one.row.get("spans"))
            middle = step * 40 + 20
            truth.append(
                any(s["kind"] == "name" and s["start"] <= middle < s["end"] for s in spans)
            )
    assert 0 < sum(truth) < len(truth)
    expected = area_under_curve(np.array(scores), np.array(truth))
    assert route_auc(pipeline, iter(read)) == pytest.approx(expected)  # type: ignore[arg-type]
    assert route_auc(pipeline, read[1:2]) is None  # type: ignore[arg-type]
    with pytest.raises(UserError, match='"spelling" is no route of signing, fingerspelling, rest'):
        route_auc(pipeline, read, route="spelling")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no rate in Hz"):
        route_auc(pipeline, samples(math.nan))  # type: ignore[arg-type]


def test_what_is_looked_at() -> None:
    pipeline, read = Given(), samples()
    told = outcome(pipeline, read)  # type: ignore[arg-type]
    assert told["routes"] == ["signing", "fingerspelling", "rest"]
    assert told["kinds"] == {"sign": "signing", "name": "fingerspelling"}
    assert told["auc"]["name"] == pytest.approx(route_auc(pipeline, read), abs=1e-3)  # type: ignore[arg-type]
    for one, facts in zip(read, told["samples"], strict=True):
        assert facts["id"] == one.row.id and facts["rate"] == 25
        found = torch.tensor(facts["probabilities"])
        torch.testing.assert_close(found, probabilities(pipeline, one), atol=1e-4, rtol=0)
        gates = pipeline.fusion.gates(collate([one]).signals).values[0].mean(1)
        torch.testing.assert_close(torch.tensor(facts["gate"]), gates, atol=1e-3, rtol=0)
    assert [one["label"] for one in told["samples"][0]["spans"]] == ["RAIN", "fs-BO"]
    json.dumps(told, allow_nan=False)


def test_less_is_looked_at_where_less_is_known() -> None:
    torch.manual_seed(0)
    told = outcome(Given(), samples(math.nan))  # type: ignore[arg-type]
    assert told["auc"] == {} and told["samples"][0]["rate"] is None
    unread = [Sample(row(0, "?"), one.signals) for one in samples()]
    told = outcome(Given(gate=None), unread)  # type: ignore[arg-type]
    assert told["auc"] == {} and told["samples"][0]["spans"] == []
    assert told["samples"][0]["gate"] is None


def test_the_recipes_own_column_and_kinds_are_looked_at() -> None:
    use = ObjectiveUse(Use("route", {"kinds": {"letter": "fingerspelling"}}), target="when")
    stages = [Stage("route", train=["fusion"], objectives=[use], steps=1)]
    read = [Sample(row(0, "", when=json.dumps(SPANS[0])), samples()[0].signals)]
    told = outcome(Given(stages=stages), read)  # type: ignore[arg-type]
    assert told["kinds"] == {"letter": "fingerspelling"} and [*told["auc"]] == ["letter"]


@pytest.mark.parametrize(
    ("train", "written"),
    [(["fusion.router"], True), (["fusion"], True), (["*"], True), (["mapper", "decoder"], False)],
)
def test_a_stage_that_trains_it_is_looked_at(
    tmp_path: Path, train: list[str], written: bool
) -> None:
    stage = Stage("fuse", train=train, objectives=[ObjectiveUse(Use("ctc"))], steps=1)
    slp_after_stage(pipeline=Given(), stage=stage, samples=samples(), folder=tmp_path)  # type: ignore[arg-type]
    assert (tmp_path / "routes.json").is_file() == written
    if written:
        assert json.loads((tmp_path / "routes.json").read_text())["routes"]


def test_other_fusions_are_not_looked_at(tmp_path: Path) -> None:
    class Other(Fusion):
        def forward(self, streams: dict[str, Sequence]) -> Sequence:
            return streams["signing"]

    pipeline: Any = Given()
    pipeline.fusion = Other(None)
    stage = Stage("fuse", train=["fusion"], objectives=[ObjectiveUse(Use("ctc"))], steps=1)
    slp_after_stage(pipeline=pipeline, stage=stage, samples=samples(), folder=tmp_path)
    assert not (tmp_path / "routes.json").exists()


def test_classes_of_a_slow_clock() -> None:
    """Steps of 80 ms: 40, 120, 200, ...; the objective resamples nothing of the spans."""
    pipeline, made = Given(), objective()
    read = samples(12.5)[:1]
    frames = Sequence.pad([torch.from_numpy(read[0].signals["frames"].values)], [12.5])
    logits = pipeline.fusion.router(frames).values[0]
    classes = torch.tensor([0, 2, 1, 2, 2, 2, 2, 2])
    expected = F.cross_entropy(logits, classes)
    torch.testing.assert_close(measured(made, pipeline, read), expected)
