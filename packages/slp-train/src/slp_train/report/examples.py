"""The best and the worst translations, with what was signed: to be played, and as a strip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen
from markupsafe import Markup

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_train.evaluation.scores import Prediction
from slp_train.progress import bar
from slp_train.report.artefacts import Run, saved_in
from slp_train.report.players import Budget, Player, player

if TYPE_CHECKING:
    from slp_core.reading import RowReader

T = TypeVar("T")

EACH = 4  # examples
FRAMES = 8  # of a strip


@frozen
class Example:
    """A prediction with its strips and players, one of everything that streams show; ``note``:
    why there are none."""

    prediction: Prediction
    strips: list[list[Markup]] = field(factory=list)
    players: list[Player] = field(factory=list)
    note: str = ""


@frozen
class Examples:
    """``note``: why there are no strips, if it should have been otherwise."""

    best: list[Example]
    worst: list[Example]
    note: str = ""
    refused: int = 0  #: players for which there was no room

    @property
    def unopened(self) -> int:
        return sum(bool(one.note) for one in self)

    def __iter__(self) -> Iterator[Example]:
        yield from (*self.best, *self.worst)


def examples(run: Run, budget: Budget) -> Examples:
    """The best and the worst predictions of a run by sentence chrF, longer sentences first.

    No sentence comes twice, and none is among both.
    """
    assert run.evaluation is not None
    ordered = sorted(run.evaluation.predictions, key=lambda p: (-p.chrf, -len(p.reference)))
    once = list({one.reference: one for one in reversed(ordered)}.values())[::-1]
    count = min(EACH, len(once) // 2) or len(once)
    best, worst = once[:count], once[count:][::-1][:count]
    try:
        reader, rows = _open(run)
    except (UserError, OSError) as error:
        note = f"The clips could not be opened: {error}"
        return Examples([Example(one) for one in best], [Example(one) for one in worst], note)
    before, drawn = budget.refused, list[Example]()
    with bar("drawing examples") as progress:
        for number, one in enumerate([*best, *worst], start=1):
            drawn.append(_example(one, reader, rows.get(one.id), budget))
            progress(number, len(best) + len(worst))
    return Examples(drawn[:count], drawn[count:], refused=budget.refused - before)


def _open(run: Run) -> tuple[RowReader, Mapping[str, Row]]:
    """What reads the evaluated rows, and the rows by id."""
    from slp_core.build import build_reader
    from slp_core.check import check
    from slp_core.pipeline import ASSETS

    if run.recipe is None or run.evaluation is None:
        raise UserError("there is no recipe")
    manifest = run.manifest(run.evaluation.split)
    reader = build_reader(check(run.recipe), assets=saved_in(run.folder) / ASSETS)
    reader = reader.only(run.recipe.heard)
    return reader, {row.id: row for row in manifest}


def _example(one: Prediction, reader: RowReader, row: Row | None, budget: Budget) -> Example:
    if row is None:
        return Example(one, note="The manifest has no such row any more.")
    try:
        strips, moving = reader.show(row, FRAMES).values(), reader.play(row).values()
    except UserError as error:  # gone since; its translation is still worth reading
        return Example(one, note=f"The clip could not be opened: {error}")
    return Example(
        one,
        distinct([Markup(frame) for frame in strip] for strip in strips if strip),
        budget.afford(distinct(player(each) for each in moving if each is not None)),
    )


def distinct(found: Iterable[T]) -> list[T]:
    """Each once: two streams of one film show the same."""
    kept: list[T] = []
    for one in found:
        if one not in kept:
            kept.append(one)
    return kept
