"""Columns made of other columns: the annotator's contract. Free of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slp_core.context import Context
from slp_core.corpus import Progress
from slp_core.manifest import Row


class Annotator(ABC):
    """Adds columns to the rows of a manifest.

    It is made to be asked for its columns, so making it is light: a model is opened when the
    first field is asked for that does not lie in the folder.
    """

    columns: tuple[str, ...]  #: that it adds; known once it is made
    files: tuple[str, ...] = ()  #: those of them whose fields name files

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        self.config = config
        self.context = context

    @abstractmethod
    def annotate(
        self, rows: Sequence[Row], folder: Path, progress: Progress | None = None
    ) -> Iterator[dict[str, str]]:
        """For each row, in order, the fields of :attr:`columns`.

        ``folder`` keeps what is dear to make again (a language model's answers) and the files
        that fields name; what lies there already and is still true is used, and is not written
        anew (a file with another time of change is another one to a stage). The same rows give
        the same fields, free of tabs and line breaks; a row with nothing to say has "".

        A field of :attr:`files` is a path as Python opens it; whoever runs the annotator makes it
        relative to the manifest, so that ``row.path(column)`` finds the file. Raises:
            UserError: a row lacks what is needed, by file and line, or a model is missing.
        """

    def provenance(self) -> dict[str, str]:
        """What the fields depend on besides the rows and the configuration: versions of data and
        models."""
        return {}
