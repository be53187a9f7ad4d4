"""From a published corpus to manifests: the importer's contract. Free of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slp_core.context import Context

#: Called with (done, all); ``all`` is 0 while it is not known.
Progress = Callable[[int, int], None]


class Corpus(ABC):
    """Writes ``train.tsv``, ``validation.tsv`` and ``test.tsv`` of one corpus."""

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        self.config = config

    @abstractmethod
    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        """Write the manifests into ``folder``, each whole or not at all; return them by split.

        Making it twice gives the same files. Raises:
            UserError: the official files are absent or not as published, with file and line.
        """
