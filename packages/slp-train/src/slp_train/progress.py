"""What is seen of anything that takes longer than a second: on stderr, in the main process."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from slp_train import distributed

if TYPE_CHECKING:
    from rich.progress import Progress

_DRAW = 0.5  #: seconds between two drawings of a bar: each costs milliseconds
_SAY = 10.0  #: seconds between two lines where stderr is no terminal


def say(text: str) -> None:
    """Tell the user something; once, whatever the number of processes."""
    if distributed.is_main():
        print(text, file=sys.stderr, flush=True)


class bar:  # noqa: N801 (read as a verb: ``with bar("reading train") as progress``)
    """How far something is and how long it still takes.

    A bar on a terminal, else a line every ten seconds. Called with (done, all); ``all`` is 0
    while it is not known. ``note`` is shown beside it.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self._bar: Progress | None = None
        self._first = self._done = self._total = 0
        self._began: float | None = None
        self._shown = time.monotonic()

    def __enter__(self) -> bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.pause()

    def begin(self, done: int, total: int) -> None:
        """Count the time left from here: ``done`` of ``total`` was there before."""
        self._first = self._done = done
        self._total = total
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self._began is None:
            self.begin(0, total)
        self._done, self._total = done, total
        if time.monotonic() - self._shown >= _DRAW:
            self.show()

    def show(self, note: str = "") -> None:
        """Draw the bar, or write the line if it is time; ``note`` stands in for the usual one."""
        terminal = sys.stderr.isatty()
        if not distributed.is_main() or (not terminal and time.monotonic() - self._shown < _SAY):
            return
        self._shown = time.monotonic()
        note = note or self.note
        if not terminal:
            line = f"{self.title}: {self._done}/{self._total or '?'}"
            say(", ".join(part for part in (line, note, self._left()) if part))
            return
        if self._bar is None:
            self._bar = self._make()
        total = self._total or None
        self._bar.update(
            self._bar.task_ids[0], completed=self._done, total=total, note=note, left=self._left()
        )
        self._bar.refresh()

    def clear(self) -> None:
        """Make room for a line on stdout; the next :meth:`show` draws the bar below it."""
        if self._bar is not None:
            from rich.control import Control
            from rich.segment import ControlType

            erase = Control((ControlType.CARRIAGE_RETURN,), (ControlType.ERASE_IN_LINE, 2))
            self._bar.console.control(erase)

    def pause(self) -> None:
        """Leave the terminal to somebody else's bar, until the next :meth:`show`."""
        if self._bar is not None:
            self.show()
            self._bar.stop()
            self._bar = None

    def _make(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        made = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        made.add_task(self.title, total=None, note="", left="")
        made.start()
        return made

    def _left(self) -> str:
        if self._began is None or self._done <= self._first or not self._total:
            return ""
        spent = time.monotonic() - self._began
        seconds = round(spent / (self._done - self._first) * (self._total - self._done))
        return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02} left"
