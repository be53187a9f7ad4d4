"""The best and the worst translations, with a strip of what was signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen
from markupsafe import Markup

from slp_core.errors import UserError
from slp_core.manifest import Row, read_manifest
from slp_train.evaluation.scores import Prediction
from slp_train.report.artefacts import Run

if TYPE_CHECKING:
    from slp_core.reading import RowReader

EACH = 4  # examples
FRAMES = 8  # of a strip


@frozen
class Example:
    """A prediction and its strips: the frames of every stream that can be drawn."""

    prediction: Prediction
    strips: list[list[Markup]]


@frozen
class Examples:
    """``note``: why there are no strips, if it should have been otherwise."""

    best: list[Example]
    worst: list[Example]
    note: str


def examples(run: Run) -> Examples:
    """The best and the worst predictions of a run by sentence chrF, longer sentences first.

    No sentence comes twice, and none is among both.
    """
    assert run.evaluation is not None
    ordered = sorted(run.evaluation.predictions, key=lambda p: (-p.chrf, -len(p.reference)))
    distinct = list({one.reference: one for one in reversed(ordered)}.values())[::-1]
    count = min(EACH, len(distinct) // 2) or len(distinct)
    best, worst = distinct[:count], distinct[count:][::-1][:count]
    try:
        reader, rows = _open(run)
    except (UserError, OSError) as error:
        return Examples(_bare(best), _bare(worst), f"The clips could not be opened: {error}")
    return Examples(_drawn(best, reader, rows), _drawn(worst, reader, rows), "")


def _open(run: Run) -> tuple[RowReader, Mapping[str, Row]]:
    """What reads the evaluated rows, and the rows by id."""
    from slp_core.build import build_reader
    from slp_core.check import check

    if run.recipe is None or run.evaluation is None:
        raise UserError("there is no recipe")
    file = run.recipe.data.path(run.evaluation.split)
    if file is None:
        raise UserError(f"the recipe has no data.{run.evaluation.split}")
    reader = build_reader(check(run.recipe), assets=run.folder / "pipeline" / "assets")
    reader = reader.only(run.recipe.heard)
    return reader, {row.id: row for row in read_manifest(file)}


def _bare(predictions: Sequence[Prediction]) -> list[Example]:
    return [Example(one, []) for one in predictions]


def _drawn(
    predictions: Sequence[Prediction], reader: RowReader, rows: Mapping[str, Row]
) -> list[Example]:
    return [Example(one, _strips(reader, rows.get(one.id))) for one in predictions]


def _strips(reader: RowReader, row: Row | None) -> list[list[Markup]]:
    if row is None:
        return []
    try:
        signals = reader.read(row)
    except UserError:  # the clip has gone since; its translation is still worth reading
        return []
    drawn = [reader.processors[stream].sketch(signal, FRAMES) for stream, signal in signals.items()]
    return [[Markup(frame) for frame in frames] for frames in drawn if frames]
