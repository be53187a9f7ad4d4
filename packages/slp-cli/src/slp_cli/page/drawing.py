"""An answer as HTML: the sentence, what it is worth, and what it was made of."""

from __future__ import annotations

from itertools import accumulate
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from slp_core.display import words_of

if TYPE_CHECKING:
    from slp_cli.page.answer import Answer
    from slp_core.confidence import Calibration
    from slp_core.parts import Translation

STYLE = Path(__file__).parent / "page.css"
WIDTH, HEIGHT = 640, 120  #: of the streams' shares
COLOURS = 6
#: what a mean quality amounts to, from so much on: sentence chrF / 100
GRADES = ((0.6, "Probably right for the most part"), (0.35, "Probably right in part"),
          (0.0, "Probably not what was signed"))  # fmt: skip


@frozen
class Worth:
    """How far a translation may be trusted: a number in [0, 1], in a few words and in full."""

    value: float
    label: str
    headline: str
    words: str


@frozen
class Band:
    """A stream's share over time, stacked upon those before it: an SVG polygon."""

    name: str
    colour: int
    points: str
    mean: float


def answer_html(answer: Answer, calibration: Calibration | None, language: str) -> str:
    """Of what a pipeline with this ``calibration`` said in ``language``."""
    steps = len(next(iter(answer.shares.values()), []))
    length = f"{steps} steps" if isnan(answer.rate) else f"{steps / answer.rate:.1f} s"
    return _template("answer.html.jinja").render(
        answer=answer,
        worth=worth(answer.said, calibration),
        bands=bands(answer.shares),
        seen=[[Markup(frame) for frame in frames] for frames in answer.seen],
        transcripts={words_of(path): read for path, read in answer.said.transcripts.items()},
        language=language,
        length=length,
        width=WIDTH,
        height=HEIGHT,
    )


def refusal_html(message: str, taken: str) -> str:
    """Why nothing was translated, and what is ``taken``."""
    return _template("refusal.html.jinja").render(message=message, taken=taken)


def worth(said: Translation, calibration: Calibration | None) -> Worth:
    """What :mod:`slp_core.confidence` knows of a translation, for those who cannot see signing."""
    if said.expected is None or calibration is None:
        return Worth(
            said.confidence,
            "confidence",
            "What the model thinks of it",
            "It ranks translations, surer ones first, and does not promise that one is right: "
            "this pipeline was never measured for it.",
        )
    headline = next(words for least, words in GRADES if said.expected >= least)
    return Worth(
        said.expected,
        "expected quality",
        headline,
        f"Translations as sure as this one had a mean quality of {said.expected:.2f} on "
        f"{calibration.samples} clips of the {calibration.split} data ({calibration.quality}; 1 is "
        "the reference letter by letter). Single ones were much better or much worse, and signing "
        "unlike that data is not covered.",
    )


def bands(shares: dict[str, list[float]]) -> list[Band]:
    """Of every stream, one upon the other; what is left above them is nobody's."""
    names = [*shares]
    stacked = [[0.0, *accumulate(step)] for step in zip(*shares.values(), strict=True)]
    drawn = []
    for number, name in enumerate(names):
        below = [step[number] for step in stacked]
        above = [step[number + 1] for step in stacked]
        outline = [*_along(above), *reversed(_along(below))]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in outline)
        mean = sum(shares[name]) / len(shares[name])
        drawn.append(Band(name, 1 + number % COLOURS, points, mean))
    return drawn


def _along(heights: list[float]) -> list[tuple[float, float]]:
    """Places in the box: every step at its middle, the first and the last to the edges."""
    step = WIDTH / len(heights)
    inner = [(step * (place + 0.5), HEIGHT * (1 - one)) for place, one in enumerate(heights)]
    return [(0.0, inner[0][1]), *inner, (float(WIDTH), inner[-1][1])]


def _template(name: str) -> Any:
    return Environment(
        loader=PackageLoader("slp_cli.page", "."), autoescape=True, undefined=StrictUndefined
    ).get_template(name)
