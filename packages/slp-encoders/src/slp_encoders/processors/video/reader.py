"""Video files through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Interpolation, VideoReformatter

from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.processors.clips import reading
from slp_encoders.processors.video.decode import Shown, frame_rate, frames_of_clip, open_stream
from slp_encoders.processors.video.spec import VideoConfig

LONGEST = 10  #: sides of a picture; more is a damaged header


class VideoReader(Processor):
    """A clip to ``t c h w`` uint8: the shorter side scaled to ``size``, the centre kept, upright
    as the file's display matrix says (turns by quarters and mirrors)."""

    config: VideoConfig

    def read(self, clip: Clip) -> Signal:
        values = np.stack([picture.transpose(2, 0, 1) for picture in self.frames(clip)])
        return Signal(values, self._rate(clip))  # (t, c, h, w)

    def probe(self, clip: Clip) -> int:
        """Decodes every frame, since only that finds damage, but converts one alone."""
        count = 0
        with _open(clip) as container:
            for frame, _ in self._chosen(container, clip):
                if count == 0:
                    self._picture(frame, VideoReformatter())
                count += 1
        return count

    def frames(self, clip: Clip) -> Iterator[np.ndarray]:
        """One picture ``h w c`` uint8 after the other, in the memory of one frame.

        Raises:
            SignalError: as :meth:`read`.
        """
        scaler = VideoReformatter()
        with _open(clip) as container:
            for frame, matrix in self._chosen(container, clip):
                yield _upright(self._picture(frame, scaler), matrix)

    def _chosen(
        self, container: InputContainer, clip: Clip
    ) -> Iterator[tuple[av.VideoFrame, np.ndarray]]:
        """The frames that are read, each with the file's display matrix."""
        shown, fps = frames_of_clip(container, clip), self.config.fps
        matrix = None
        for frame in (one.frame for one in shown) if fps is None else _sampled(shown, fps):
            if max(frame.width, frame.height) > LONGEST * min(frame.width, frame.height):
                raise SignalError(f"{clip.source}: a picture of {frame.width} x {frame.height}")
            if matrix is None:
                matrix = _display_matrix(frame, clip)
            yield frame, matrix

    def _rate(self, clip: Clip) -> float:
        if self.config.fps is not None:
            return self.config.fps
        with _open(clip) as container:
            return frame_rate(open_stream(container, clip))

    def _picture(self, frame: av.VideoFrame, scaler: VideoReformatter) -> np.ndarray:
        size, short = self.config.size, min(frame.width, frame.height)
        width = max(size, round(frame.width * size / short))
        height = max(size, round(frame.height * size / short))
        way = Interpolation.AREA if size < short else Interpolation.BICUBIC
        scaled = scaler.reformat(frame, width, height, "rgb24", interpolation=way)
        left, top = (width - size) // 2, (height - size) // 2
        return scaled.to_ndarray()[top : top + size, left : left + size]


@contextmanager
def _open(clip: Clip) -> Iterator[InputContainer]:
    # PyAV raises an IndexError where broken bytes have streams come and go.
    with reading(clip.source, av.FFmpegError, ValueError, IndexError) as path:
        try:
            container = av.open(str(path), metadata_errors="replace")
        except IndexError:
            raise SignalError(f"{path}: has no streams") from None
        with container:
            yield container


def _sampled(shown: Iterator[Shown], fps: float) -> Iterator[av.VideoFrame]:
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
                yield before.frame
                ticks += 1
        before = one
    while before is not None and origin + ticks / fps < before.end - 1e-9:
        yield before.frame
        ticks += 1


def _display_matrix(frame: av.VideoFrame, clip: Clip) -> np.ndarray:
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


def _upright(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    (a, b), (c, d) = matrix
    if a == 0:
        picture = picture.transpose(1, 0, 2)
    flip_x, flip_y = (a < 0, d < 0) if a else (c < 0, b < 0)
    return picture[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
