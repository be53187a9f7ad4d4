"""Annotators that read sentences: a column of another, row by row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slp_core.annotator import Annotator
from slp_core.context import Context
from slp_core.corpus import Progress
from slp_core.errors import UserError, did_you_mean
from slp_core.manifest import Row


class TextAnnotator(Annotator):
    """Says one field of one sentence, that of ``config.source`` or else of the target's column."""

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        super().__init__(config, context)
        self.source: str = config.source or context.target
        self.columns = (config.column,)

    def annotate(
        self, rows: Sequence[Row], folder: Path, progress: Progress | None = None
    ) -> Iterator[dict[str, str]]:
        for row in rows:
            self.accept(row)
        fields = self.say([row.fields[self.source] for row in rows], folder)
        for done, (_, field) in enumerate(zip(rows, fields, strict=True), start=1):
            if progress is not None:
                progress(done, len(rows))
            yield dict.fromkeys(self.columns, field)

    def accept(self, row: Row) -> None:
        """Raise a UserError if a row cannot be annotated."""
        if self.source not in row.fields:
            hint = did_you_mean(self.source, row.fields)
            raise UserError(f'{row.where}: no column "{self.source}"{hint}')

    @abstractmethod
    def say(self, sentences: list[str], folder: Path) -> Iterator[str]:
        """A field for every sentence, in order."""
