"""From a row to its signals: which processor reads which field. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from attrs import frozen

from slp_core.errors import UserError
from slp_core.files import disk_is_full
from slp_core.manifest import Row
from slp_core.moving import Film, Skeleton
from slp_core.recipe import Recipe
from slp_core.signals import Clip, Processor, Signal, SignalError

T = TypeVar("T")


@frozen(eq=False)
class RowReader:
    """The processors of a recipe's streams, by stream."""

    recipe: Recipe
    processors: dict[str, Processor]

    def only(self, streams: Collection[str]) -> RowReader:
        """The same, for these streams."""
        kept = {name: one for name, one in self.processors.items() if name in streams}
        return RowReader(self.recipe, kept)

    def read(self, row: Row) -> dict[str, Signal]:
        """Read a row's signal for every stream that has one.

        Raises:
            SignalError: with the row and the column.
        """
        return self._each(row, lambda processor, clip: processor.read(clip))

    def probe(self, row: Row) -> int:
        """The steps of a row's longest signal, found as cheaply as the formats allow.

        Raises:
            SignalError: whatever :meth:`read` raises.
        """
        return max(self._each(row, lambda processor, clip: processor.probe(clip)).values())

    def show(self, row: Row, frames: int) -> dict[str, list[str]]:
        """Every stream's signal as pictures: see :meth:`Processor.show`.

        Raises:
            SignalError: whatever :meth:`read` raises.
        """
        return self._each(row, lambda processor, clip: processor.show(clip, frames))

    def play(self, row: Row) -> dict[str, Film | Skeleton | None]:
        """Every stream's signal as it moves: see :meth:`Processor.play`.

        Raises:
            SignalError: whatever :meth:`read` raises.
        """
        return self._each(row, lambda processor, clip: processor.play(clip))

    def files(self, row: Row) -> list[Path]:
        """The files the row's signals are read from; of a folder, all that is in it. Nothing of a
        signal that cannot be read: whoever reads it says why."""
        files: dict[Path, None] = {}
        for name, processor in self.processors.items():
            with suppress(SignalError, OSError):
                clip = clip_of(row, self.recipe.streams[name].signal or "", processor)
                for path in processor.files(clip):
                    files |= dict.fromkeys(sorted(path.glob("*")) if path.is_dir() else [path])
        return [*files]

    def _each(self, row: Row, ask: Callable[[Processor, Clip], T]) -> dict[str, T]:
        answers = {}
        for name, processor in self.processors.items():
            column = self.recipe.streams[name].signal or ""
            try:
                answers[name] = ask(processor, clip_of(row, column, processor))
            except (SignalError, OSError) as error:
                if disk_is_full(error):
                    raise
                place = f"{row.where}: " if row.line else ""  # a file translated by itself
                why = error if isinstance(error, SignalError) else f"cannot be read: {error}"
                raise SignalError(f"{place}{column}: {why}") from error
        return answers


def clip_of(row: Row, column: str, processor: Processor) -> Clip:
    """Which part of which file a row means by a signal column.

    Raises:
        SignalError: the row has no such field, or its span cannot be read.
    """
    written = row.get(column)
    if not written:
        raise SignalError("the field is empty" if column in row.fields else "there is no column")
    try:
        start, end = row.span
    except UserError as error:
        raise SignalError(str(error).removeprefix(f"{row.where}: ")) from error
    return Clip(str(row.path(column)) if processor.reads_files else written, start, end)
