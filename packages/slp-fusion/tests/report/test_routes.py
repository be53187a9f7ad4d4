"""The report's section on routes and gates: what is drawn, and where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from slp_fusion.hooks import slp_report
from slp_fusion.report.routes import BOTTOM, FILE, HEIGHT, LEFT, RIGHT, TOP, WIDTH

from .page import Page

ROUTES = ["signing", "fingerspelling", "rest"]
SAMPLE: dict[str, Any] = {
    "id": "a",
    "text": "rain <now>",
    "rate": 25.0,
    "probabilities": [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]],
    "gate": [0.5, 1.0, 0.0, 0.5],
    "spans": [
        {"route": "signing", "label": "RAIN", "start": 0, "end": 40},
        {"route": "fingerspelling", "label": "fs-B&O", "start": 80, "end": 200},
    ],
}


def shown(run: Path, *samples: dict[str, Any], routes: list[str] = ROUTES, **auc: float) -> Page:
    kinds = {"sign": "signing", "name": "fingerspelling"}
    told = {"routes": routes, "kinds": kinds, "auc": auc, "samples": samples}
    (run / "fuse").mkdir()
    (run / "fuse" / FILE).write_text(json.dumps(told))
    ((title, html),) = slp_report(run=run)
    assert title == "Routes and gates over time"
    return Page(html)


def curves(page: Page) -> list[list[tuple[float, float]]]:
    drawn = [attrs["points"] for tag, attrs in page.tags if tag == "polyline"]
    return [[tuple(map(float, p.split(","))) for p in one.split()] for one in drawn]  # type: ignore[misc]


def test_a_run_without_routes_has_no_section(tmp_path: Path) -> None:
    (tmp_path / "translate").mkdir()
    assert slp_report(run=tmp_path) == []


def test_curves_go_from_nothing_below_to_one_above(tmp_path: Path) -> None:
    page = shown(tmp_path, SAMPLE, name=0.95, sign=0.8)
    found = curves(page)
    box = WIDTH - LEFT - RIGHT
    middles = [LEFT + box * (step + 0.5) / 4 for step in range(4)]
    columns = [*zip(*SAMPLE["probabilities"], strict=True), SAMPLE["gate"]]
    for points, values in zip(found, columns, strict=True):
        assert [x for x, _ in points] == pytest.approx(middles, abs=0.06)
        heights = [(HEIGHT - BOTTOM - y) / (HEIGHT - TOP - BOTTOM) for _, y in points]
        assert heights == pytest.approx(values, abs=1e-2)
    names = [*ROUTES, "gate"]
    means = re.findall(r"(signing|fingerspelling|rest|gate) (\d\.\d\d)", page.text)
    assert means[:4] == [*zip(names, ["0.31", "0.50", "0.19", "0.50"], strict=True)]
    assert "0.950" in page.text and "0.800" in page.text and "0.2 s" in page.text
    assert "rain <now>" in page.text


def test_shares_are_told_where_they_are_known(tmp_path: Path) -> None:
    told = shown(tmp_path, SAMPLE, SAMPLE | {"shares": {"signing": 0.25, "lips": 0.5}}).text
    assert told.count(" of what goes on.") == 2  # the legend, and the second sample
    assert "signing 25 %, lips 50 % of what goes on." in told


def test_spans_are_drawn_where_they_are_in_the_colour_of_their_route(tmp_path: Path) -> None:
    page = shown(tmp_path, SAMPLE)
    rects = [attrs for tag, attrs in page.tags if tag == "rect"]
    box = WIDTH - LEFT - RIGHT
    places = [(float(one["x"]), float(one["width"])) for one in rects]
    sign, name = (LEFT, box / 4), (LEFT + box / 2, box / 2)  # the name is cut off at 160 ms
    for found, expected in zip(places, [sign, sign, name, name], strict=True):
        assert found == pytest.approx(expected, abs=0.06)
    groups = [attrs["class"] for tag, attrs in page.tags if tag == "g"]
    assert groups[:2] == ["k1", "k2"] and groups[2:] == ["k1", "k2", "k3", "k4"]
    assert "fs-B&O" in page.text


@pytest.mark.parametrize(
    ("changes", "routes", "count"),
    [
        ({"gate": None}, ROUTES, 3),
        ({"probabilities": [[]] * 4, "spans": []}, [], 1),
        ({"rate": None, "spans": []}, ROUTES, 4),
        ({"probabilities": [[0.2, 0.8, 0.0]], "gate": [0.1], "spans": []}, ROUTES, 4),
    ],
)
def test_what_there_is_is_drawn(
    tmp_path: Path, changes: dict[str, Any], routes: list[str], count: int
) -> None:
    page = shown(tmp_path, {**SAMPLE, **changes}, routes=routes)
    assert len(curves(page)) == count
    assert ("4 steps" in page.text) == (changes.get("rate", 1) is None)
