"""The section on where routes and gates went, in stages that train a fusion with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from attrs import frozen

from slp_core.stage_files import read, stages
from slp_fusion.report.page import environment

FILE = "routes.json"
WIDTH, HEIGHT = 420, 130
LEFT, RIGHT, TOP, BOTTOM = 30, 10, 20, 26
COLOURS = 3  #: of routes; the fourth is the gate's


@frozen
class Bar:
    """A span that was signed, as a piece of the axis of time."""

    x: float
    width: float
    colour: int
    label: str


@frozen
class Curve:
    """A route's probability, or the gate, over time: points of the box and their mean."""

    name: str
    colour: int
    points: str
    mean: float


@frozen
class Clip:
    """One sample: curves and bars to draw."""

    text: str
    curves: list[Curve]
    bars: list[Bar]
    ticks: list[tuple[float, str]]  #: places and labels on the axis of time
    shares: dict[str, float]  #: of the streams in what goes on, means over time

    @classmethod
    def of(cls, facts: dict[str, Any], routes: list[str]) -> Clip:
        steps = len(facts["probabilities"])
        seconds = steps / facts["rate"] if facts["rate"] else None
        series = dict(zip(routes, zip(*facts["probabilities"], strict=True), strict=bool(steps)))
        colours = {name: 1 + number % COLOURS for number, name in enumerate(routes)}
        if facts["gate"] is not None:
            series["gate"], colours["gate"] = facts["gate"], COLOURS + 1
        bars = []
        for span in facts["spans"]:
            begin, end = (_across(span[key] / 1000 / (seconds or 1)) for key in ("start", "end"))
            bars.append(Bar(begin, end - begin, colours[span["route"]], span["label"]))
        return cls(
            facts["text"],
            [
                Curve(name, colours[name], _points(values), fmean(values))
                for name, values in series.items()
            ],
            bars,
            [(_across(0), "0"), (_across(1), f"{seconds:.1f} s" if seconds else f"{steps} steps")],
            facts.get("shares", {}),
        )


def sections(run: Path) -> list[tuple[str, str]]:
    """One section, if a stage of the run trained routes or a gate."""
    found = {folder.name: told for folder in stages(run) if (told := read(folder / FILE))}
    if not found:
        return []
    clips = {
        name: [Clip.of(facts, told["routes"]) for facts in told["samples"]]
        for name, told in found.items()
    }
    html = (
        environment()
        .get_template("routes.html.jinja")
        .render(stages=found, clips=clips, width=WIDTH, height=HEIGHT, top=TOP, left=LEFT,
                right=WIDTH - RIGHT, bottom=HEIGHT - BOTTOM)
    )  # fmt: skip
    return [("Routes and gates over time", html)]


def _points(values: Sequence[float]) -> str:
    """From 0 below to 1 above, every step at its middle."""
    places = (
        (_across((step + 0.5) / len(values)), HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value)
        for step, value in enumerate(values)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _across(share: float) -> float:
    """A place on the axis of time, by the share of the clip before it; inside the box."""
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)
