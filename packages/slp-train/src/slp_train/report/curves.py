"""Learning curves as points in a box, for the template to draw."""

from __future__ import annotations

import math
from collections.abc import Callable

from attrs import frozen

from slp_train.log import Log

WIDTH, HEIGHT = 420, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 10, 30
Points = list[tuple[float, float]]


@frozen
class Line:
    """One curve: its name, its points in the box and as they were measured."""

    name: str
    drawn: Points
    measured: Points

    @property
    def path(self) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.drawn)


@frozen
class Chart:
    """Curves over the steps of a stage. Ticks: place in the box and label."""

    title: str
    lines: list[Line]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def charts(log: Log) -> list[Chart]:
    """The losses of a stage, what was measured on validation beside them, and the gauges of parts
    and objectives (``streams.sign.tokenizer.perplexity``)."""
    keys = dict.fromkeys(key for entry in log for key in entry)
    losses = [key.removeprefix("eval_") for key in keys if key.startswith("eval_")]
    objectives = [key for key in losses if key in keys and key != "loss"]
    scores = [key for key in losses if key not in keys and not _is_loss(key, log)]
    gauges = [key for key in keys if "." in key and key.removeprefix("eval_") not in losses]
    found = [chart("loss", log, {"training": "loss", "validation": "eval_loss"})]
    found += [
        chart(name, log, {"training": name, "validation": f"eval_{name}"}) for name in objectives
    ]
    if scores:
        found.append(chart("validation scores", log, {name: f"eval_{name}" for name in scores}))
    found += [chart(name, log, {"training": name}) for name in gauges]
    return [one for one in found if one.lines]


def _is_loss(name: str, log: Log) -> bool:
    """Whether it is what the loss is made of, alone."""
    return all(entry.get(f"eval_{name}") == entry.get("eval_loss") for entry in log)


def chart(title: str, log: Log, keys: dict[str, str]) -> Chart:
    """Draw some keys of a log, by the names they are to have."""
    series = {
        name: [
            (float(entry["step"]), float(entry[key]))
            for entry in log
            if math.isfinite(entry.get(key, math.nan))
        ]
        for name, key in keys.items()
    }
    series = {name: points for name, points in series.items() if points}
    if not series:
        return Chart(title, [], [], [])
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_ticks, y_ticks = ticks(0, max(xs)), ticks(min(*ys, 0), max(ys))
    right, bottom, top = max(*xs, 1), min(y_ticks), max(y_ticks)

    place = box(right, bottom, top)
    return Chart(
        title,
        [Line(name, [place(x, y) for x, y in points], points) for name, points in series.items()],
        [(place(x, bottom)[0], f"{x:g}") for x in x_ticks if x <= right],
        [(place(0, y)[1], f"{y:g}") for y in y_ticks],
    )


def box(right: float, bottom: float, top: float) -> Callable[[float, float], tuple[float, float]]:
    """Where a point is drawn in a box from (0, bottom) to (right, top)."""

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / right,
            TOP + (HEIGHT - TOP - BOTTOM) * (top - y) / (top - bottom),
        )

    return place


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from at most ``low`` to at least ``high``, about so many steps apart."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= span / about * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, max(last, first + 1) + 1)]
