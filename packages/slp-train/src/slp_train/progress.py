"""What is seen of a stage while it trains: a bar with the loss and the time left, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_DRAW = 0.5  #: seconds between two drawings of the bar: each costs milliseconds
_SAY = 10.0  #: seconds between two lines where stderr is no terminal


class StageProgress:
    """A stage's progress: a bar on a terminal, else a line every ten seconds."""

    def __init__(self, stage: str, quiet: bool = False) -> None:
        self.stage = stage
        self.quiet = quiet
        self.loss = ""
        self._bar: Progress | None = None
        self._total = self._first = self._done = 0
        self._began = self._shown = 0.0

    def __enter__(self) -> StageProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.pause()

    def begin(self, total: int, done: int) -> None:
        """Begin at step ``done`` of ``total``."""
        self._total, self._first, self._done = total, done, done
        self._began = self._shown = time.monotonic()
        self.resume()

    def advance(self, done: int) -> None:
        """Step ``done`` has been taken."""
        self._done = done
        now = time.monotonic()
        if self.quiet or now - self._shown < (_SAY if self._bar is None else _DRAW):
            return
        self._shown = now
        self.say()

    def say(self, what: str = "") -> None:
        """Draw the bar, or write a line; ``what`` stands in for the loss."""
        what = what or self.loss
        if self._bar is not None:
            left = self._left() if self._done > self._first else ""
            self._bar.update(self._bar.task_ids[0], completed=self._done, what=what, left=left)
            self._bar.refresh()
        elif not self.quiet:
            line = f"{self.stage}: {self._done}/{self._total} steps"
            parts = [line, what, f"{self._left()} left" if self._done > self._first else ""]
            print(", ".join(part for part in parts if part), file=sys.stderr, flush=True)

    def pause(self) -> None:
        """Leave the terminal to somebody else's bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def resume(self) -> None:
        """Take the terminal back."""
        if self.quiet or not sys.stderr.isatty() or self._bar is not None:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[what]}"),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._bar.add_task(
            self.stage, total=self._total, completed=self._done, what=self.loss, left=""
        )
        self._bar.start()

    def _left(self) -> str:
        spent = time.monotonic() - self._began
        seconds = round(spent / (self._done - self._first) * (self._total - self._done))
        return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
