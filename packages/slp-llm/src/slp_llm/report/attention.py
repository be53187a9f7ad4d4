"""The section on where the decoder looked, in stages that train an encoder-decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from slp_core.stage_files import read, stages

FILE = "attention.json"
WIDTH, LEFT, RIGHT = 420, 110, 12
ROW, TOP, BOTTOM = 18, 10, 26  # the height of a piece's line; above the first, below the last
PIECES = 40  # of a text, at most


@frozen
class Ridge:
    """One piece of the text: its line of attention over time, and where that is highest."""

    piece: str
    base: float  #: where the line stands on
    points: str
    peak: str


@frozen
class Clip:
    """One sample: ridges to draw."""

    text: str
    ridges: list[Ridge]
    height: int
    ticks: list[tuple[float, str]]  #: places and labels on the axis of time
    highest: float  #: the weight that fills a line
    share: float  #: of the attention that goes to the clip, in percent

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Clip:
        weights, steps = facts["weights"][:PIECES], len(facts["weights"][0])
        highest = max(max(row) for row in weights)
        seconds = steps / facts["rate"] if facts["rate"] else None
        ridges = []
        for number, (piece, row) in enumerate(zip(facts["pieces"], weights, strict=False)):
            base = TOP + ROW * (number + 1)
            place = (row.index(max(row)) + 0.5) / steps
            peak = f"{place * seconds:.1f} s" if seconds else f"step {row.index(max(row)) + 1}"
            ridges.append(Ridge(piece or "(end)", base, _points(row, base, highest), peak))
        end = f"{seconds:.1f} s" if seconds else f"{steps} steps"
        share = 100 * sum(map(sum, weights)) / len(weights)
        height = TOP + ROW * len(ridges) + BOTTOM
        return cls(
            facts["text"], ridges, height, [(LEFT, "0"), (WIDTH - RIGHT, end)], highest, share
        )


def sections(run: Path) -> list[tuple[str, str]]:
    """One section, if a stage of the run trained a decoder that shows its attention."""
    found = {
        folder.name: [Clip.of(facts) for facts in told["samples"]]
        for folder in stages(run)
        if (told := read(folder / FILE))
    }
    if not found:
        return []
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    html = pages.get_template("attention.html.jinja").render(
        stages=found, width=WIDTH, left=LEFT, right=WIDTH - RIGHT, pieces=PIECES
    )
    return [("Where the decoder looks", html)]


def _points(row: Sequence[float], base: float, highest: float) -> str:
    """A closed line on its base, every step at its middle, the highest weight a line high."""
    across = (WIDTH - LEFT - RIGHT) / len(row)
    places = [
        (LEFT + across * (step + 0.5), base - (ROW - 3) * value / (highest or 1))
        for step, value in enumerate(row)
    ]
    closed = [(places[0][0], base), *places, (places[-1][0], base)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in closed)
