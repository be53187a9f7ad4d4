"""From a file to numbers: the processor's contract. Free of torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.moving import Film, Skeleton

if TYPE_CHECKING:
    import numpy as np


class SignalError(UserError):
    """A signal cannot be read, with the reason. Whoever reads a row adds where it stands."""


@frozen(eq=False)
class Signal:
    """One clip, ready for an encoder. ``values``: ``t ...``; ``rate``: steps a second
    (NaN where there is no clock, as for text); ``encoded``: it has been through the stream's
    encoder already."""

    values: np.ndarray
    rate: float
    encoded: bool = False


@frozen
class Clip:
    """Which part of which file: ``source`` is a path, or the text itself for text signals;
    ``start`` and ``end`` in milliseconds (``end`` None: to the end of the file)."""

    source: str
    start: float = 0.0
    end: float | None = None


@frozen
class Extent:
    """How long a clip is: ``seconds`` (NaN where there is no clock), ``frames`` as filmed."""

    seconds: float
    frames: int


class Processor(ABC):
    """Reads one kind of signal. Deterministic; what is random lives in :meth:`augment`."""

    #: False when the manifest's field is the signal itself (text), not a path to a file.
    reads_files: bool = True

    def __init__(self, config: Any, context: Context = Context()) -> None:  # noqa: B008 (frozen)
        self.config = config
        self.context = context

    @abstractmethod
    def read(self, clip: Clip) -> Signal:
        """Decode, select and normalise one clip.

        Raises:
            SignalError: the file is absent, unreadable, empty or holds values that are not
                finite; or the span lies outside the clip.
        """

    def files(self, clip: Clip) -> list[Path]:
        """The files that decide a clip's values; a folder stands for all that is in it.

        Raises: SignalError, if what is read besides the clip's own file is not there.
        """
        return [Path(clip.source)] if self.reads_files else []

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the files that it reads are called here: ``(".pose",)``. Empty where any name will
        do, or it reads no files."""
        return ()

    def extent(self, clip: Clip) -> Extent | None:
        """How long the clip's whole file is, found without decoding it; None where that cannot be.
        For refusing what is too long before anything is spent on it.

        Raises: SignalError, if it is no file of a kind that it reads.
        """
        return None

    def probe(self, clip: Clip) -> int:
        """The number of steps, found as cheaply as the format allows.

        It refuses whatever :meth:`read` refuses. Raises: SignalError.
        """
        return len(self.read(clip).values)

    @property
    def augments(self) -> bool:
        """Whether :meth:`augment` changes anything: it is there, and ``augment`` is configured
        (where that is a key)."""
        there = type(self).augment is not Processor.augment
        return there and getattr(self.config, "augment", True) is not None

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """A random variant, for training only."""
        return signal

    def sketch(self, signal: Signal, frames: int = 8) -> list[str]:
        """At most so many evenly spaced steps as pictures, for reports; none if undrawable.

        Each is SVG for a box of 100 by 100, drawn in ``currentColor``."""
        return []

    def show(self, clip: Clip, frames: int = 8) -> list[str]:
        """A clip as :meth:`sketch` draws it, or with more of what the file itself shows.

        Raises: SignalError.
        """
        return self.sketch(self.read(clip), frames)

    def play(self, clip: Clip) -> Film | Skeleton | None:
        """A clip as it moves, its first :data:`~slp_core.moving.LONGEST` seconds; None if it
        does not.

        Raises: SignalError.
        """
        return None

    def sizes(self) -> dict[str, int]:
        """Sizes of the output that only this instance can tell (``{"vocabulary": 412}``)."""
        return {}

    def save_assets(self, folder: Path) -> None:
        """Write what was learnt from the training rows (a vocabulary) into ``folder``.

        ``context.assets`` is that folder when the pipeline is opened again."""
