"""The section on the words that ``cra`` found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from slp_core.stage_files import read, stages
from slp_fusion.mappers.cra.facts import Facts
from slp_fusion.report.page import environment

WIDTH, HEIGHT = 420, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 12, 30
RUNS = 12  # lengths of runs that are told one by one


def sections(run: Path) -> list[tuple[str, str]]:
    """A section for every codebook of words that a stage of the run fitted."""
    return [
        (f"Words of {path}", section(Facts(**told)))
        for folder in stages(run)
        for path, told in read(folder / "fit.json").items()
        if told.get("part") == "cra"
    ]


def section(facts: Facts) -> str:
    """What ``CRA.fit`` told, as HTML."""
    pages = environment()
    pages.filters["spelt"] = lambda word: spelt(word, facts.slow)
    return pages.get_template("words.html.jinja").render(
        facts=facts,
        curve=Curve.of(facts.entropies, facts.size),
        perplexity=perplexity(facts.codes),
        codes_used=sum(count > 0 for count in facts.codes),
        runs=list(_runs(facts.run_lengths)),
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
    )


def spelt(word: list[int], slow: int) -> str:
    """The characters of a word: their numbers, s₀ for the slow-down character."""
    return " ".join("s₀" if one == slow else str(one) for one in word)


def perplexity(counts: list[int]) -> float:
    """1 if one code is used, as many as there are if all are alike."""
    total = sum(counts)
    return math.exp(-sum(n / total * math.log(n / total) for n in counts if n))


def _runs(histogram: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Lengths and counts, the long ones together."""
    counts = {int(length): count for length, count in histogram.items()}
    yield from ((str(n), counts.get(n, 0)) for n in range(1, min(max(counts), RUNS) + 1))
    if rest := sum(count for length, count in counts.items() if length > RUNS):
        yield f"over {RUNS}", rest


@frozen
class Curve:
    """Entropies against sizes, as points of a box."""

    points: str
    chosen: tuple[float, float]
    x_labels: list[tuple[float, str]]
    y_labels: list[tuple[float, str]]

    @classmethod
    def of(cls, measured: list[tuple[int, float]], size: int) -> Curve:
        sizes, values = zip(*measured, strict=True)
        low, high = min(values), max(values)

        def place(x: float, y: float) -> tuple[float, float]:
            across = (x - sizes[0]) / ((sizes[-1] - sizes[0]) or 1)
            up = (y - low) / ((high - low) or 1)
            return (
                LEFT + (WIDTH - LEFT - RIGHT) * across,
                HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * up,
            )

        return cls(
            " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*one) for one in measured)),
            place(size, dict(measured)[size]),
            [(place(x, low)[0], f"{x:,}") for x in sorted({sizes[0], sizes[-1]})],
            [(place(sizes[0], y)[1], f"{y:.3g}") for y in sorted({low, high})],
        )
