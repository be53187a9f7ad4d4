"""Reading the next batches while the model is busy with these."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Takes ``number`` items at a time, or as many as are left; one turn ahead, once told to.

    The order is the iterator's, and an exception of its is raised by the :meth:`take` whose items
    it would have been among.
    """

    def __init__(self, items: Iterator[T], number: int, pool: Executor) -> None:
        self.items, self._number, self._pool = items, number, pool
        self._next: Future[list[T]] | None = None

    def begin(self) -> None:
        """Begin to read what :meth:`take` will give, and return at once."""
        if self._next is None:
            self._next = self._pool.submit(self._read)

    def take(self) -> list[T]:
        if self._next is None:
            return self._read()
        taken, self._next = self._next.result(), None
        return taken

    def _read(self) -> list[T]:
        return list(islice(self.items, self._number))
