"""What the readers of files share: opening, spans of a clip, other frame rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.signals import Clip, SignalError

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def reading(source: str, *errors: type[Exception]) -> Iterator[Path]:
    """Give the path of an existing file; what goes wrong inside is one line that names it.

    ``errors`` are what the file's library raises on broken bytes.

    Raises:
        SignalError: the file is absent, or reading it raised an ``OSError`` or one of ``errors``.
    """
    path = Path(source)
    if not path.is_file():
        what = "is no file" if path.exists() else "there is no such file"
        raise SignalError(f"{source}: {what}")
    caught: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield path
    except SignalError:
        raise
    except caught as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        words = " ".join(said.split())
        raise SignalError(f"{source}: cannot be read: {words}") from error


def frames_of_span(clip: Clip, frames: int, rate: float) -> slice:
    """The frames that the clip's span touches, of ``frames`` at ``rate`` a second.

    As pose-format: from the floor of the start to the ceiling of the end.

    Raises:
        SignalError: the span lies outside the clip: it starts behind the last frame, or ends
            more than one frame behind it.
    """
    start = round(clip.start / 1000 * rate, 6)  # 280 ms at 25 Hz are 7 frames, not 7.0000000001
    end = frames if clip.end is None else round(clip.end / 1000 * rate, 6)
    if start >= frames or end > frames + 1:
        raise outside(clip, frames / rate)
    return slice(math.floor(start), min(math.ceil(end), frames))


def outside(clip: Clip, seconds: float) -> SignalError:
    """The error of a span that lies outside a clip of so many seconds."""
    end = "the end" if clip.end is None else f"{clip.end:g} ms"
    return SignalError(
        f"{clip.source}: the span {clip.start:g} ms to {end} lies outside the clip, "
        f"which lasts {1000 * seconds:.0f} ms"
    )


def nearest_frames(frames: int, rate: float, wanted: float) -> np.ndarray:
    """Which of ``frames`` at ``rate`` are shown at ``wanted`` frames a second: the nearest in
    time to each tick, the later one of two as near."""
    import numpy as np

    ticks = np.arange(max(1, math.ceil(round(frames * wanted / rate, 6))))
    return np.minimum(np.floor(ticks * rate / wanted + 0.5).astype(int), frames - 1)
