"""A clip as a film, whether it is a video file or a folder of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from slp_core.signals import Clip, Extent, SignalError
from slp_encoders.processors.clips import reading
from slp_encoders.processors.video.decode import Shown, frame_rate, frames_of_clip, open_stream
from slp_encoders.processors.video.folder import frames_of_folder, pictures_in

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

FRAME_RATE = 25.0  #: of a folder of pictures, where nobody says otherwise
#: Names of video files; what :func:`open_film` opens is told by its content.
SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm",
            ".wmv")  # fmt: skip
LONGEST = 10  #: sides of a picture; more is a damaged header


@frozen(eq=False)
class Film:
    """The frames that are shown in a clip, once, and how many there are a second."""

    clip: Clip
    rate: float
    shown: Iterator[Shown]

    def frames(self, fps: float | None = None) -> Iterator[tuple[VideoFrame, np.ndarray]]:
        """As :meth:`timed`, without the times."""
        return ((one.frame, matrix) for one, matrix in self.timed(fps))

    def timed(self, fps: float | None = None) -> Iterator[tuple[Shown, np.ndarray]]:
        """Each frame, or the nearest one to each tick of ``fps``, with the film's display matrix.

        Raises:
            SignalError: what cannot be decoded, or is no picture of a film.
        """
        matrix = None
        for one in self.shown if fps is None else _sampled(self.shown, fps):
            frame = one.frame
            if max(frame.width, frame.height) > LONGEST * min(frame.width, frame.height):
                raise SignalError(
                    f"{self.clip.source}: a picture of {frame.width} x {frame.height}"
                )
            if matrix is None:
                matrix = _display_matrix(frame, self.clip)
            yield one, matrix


@contextmanager
def open_film(clip: Clip, rate: float = FRAME_RATE) -> Iterator[Film]:
    """Open a video file, or a folder of pictures that are shown at ``rate`` a second.

    Raises:
        SignalError: it is absent or neither of them.
    """
    if Path(clip.source).is_dir():
        yield Film(clip, rate, frames_of_folder(clip, rate))
        return
    with _container(clip) as container:
        stream = open_stream(container, clip)
        yield Film(clip, frame_rate(stream), frames_of_clip(container, clip))


def extent_of_film(clip: Clip, rate: float = FRAME_RATE) -> Extent:
    """How long a film is, by the packets it is made of: they are counted, and none is decoded. What
    its header says is not believed.

    Raises:
        SignalError: as :func:`open_film`.
    """
    if Path(clip.source).is_dir():
        pictures = len(pictures_in(Path(clip.source)))
        return Extent(pictures / rate, pictures)
    with _container(clip) as container:
        stream = open_stream(container, clip)
        tick, times, frames = stream.time_base or 0, list[int](), 0
        for packet in container.demux(stream):
            frames += packet.size > 0
            if packet.size > 0 and packet.pts is not None:
                times += [packet.pts, packet.pts + (packet.duration or 0)]
        by_rate = frames / frame_rate(stream)
        return Extent(float((max(times) - min(times)) * tick) if times else by_rate, frames)


@contextmanager
def _container(clip: Clip) -> Iterator[InputContainer]:
    """A video file, opened. What goes wrong with it is a :class:`SignalError`."""
    import av

    # PyAV raises an IndexError where broken bytes have streams come and go.
    with reading(clip.source, av.FFmpegError, ValueError, IndexError) as path:
        try:
            container = av.open(str(path), metadata_errors="replace")
        except IndexError:
            raise SignalError(f"{path}: has no streams") from None
        with container:
            yield container


def is_film(path: Path) -> bool:
    """Whether a path is that of a video file, by its name, or of a folder of pictures."""
    return bool(pictures_in(path)) if path.is_dir() else path.suffix.lower() in SUFFIXES


def upright(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A frame ``h w c`` as the film's display matrix wants it shown."""
    (a, b), (c, d) = matrix
    if a == 0:
        picture = picture.transpose(1, 0, 2)
    flip_x, flip_y = (a < 0, d < 0) if a else (c < 0, b < 0)
    return picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


def _sampled(shown: Iterator[Shown], fps: float) -> Iterator[Shown]:
    """The frame nearest in time to each tick, the later one of two as near."""
    ticks = 0
    origin = 0.0
    before: Shown | None = None
    for one in shown:
        if before is None:
            origin = one.start
        else:
            middle = (before.start + one.start) / 2 - 1e-9
            while origin + ticks / fps < middle:
                yield before
                ticks += 1
        before = one
    while before is not None and origin + ticks / fps < before.end - 1e-9:
        yield before
        ticks += 1


def _display_matrix(frame: VideoFrame, clip: Clip) -> np.ndarray:
    """How the file wants its frames shown (ISO 14496-12): x' = a x + c y, y' = b x + d y, as
    (a b; c d) of -1, 0 and 1.

    Asked once a clip: a frame that was asked for its side data lives until the next collection.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return np.eye(2)
    matrix = np.sign(np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2])
    if not np.array_equal(np.abs(matrix) @ np.abs(matrix), np.eye(2)):
        raise SignalError(f"{clip.source}: its display matrix is no turn by quarters")
    return matrix
