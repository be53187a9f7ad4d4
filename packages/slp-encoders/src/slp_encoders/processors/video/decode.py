"""The decoded frames of a span of a video file, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from attrs import frozen

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.clips import outside

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

#: The largest picture decoded, so that a damaged header asks for no memory.
MOST_PIXELS = 2**25
#: A frame that is shown for longer, in seconds, has a damaged time stamp.
LONGEST_GAP = 10.0
#: Containers whose time stamps can be sought exactly; others are decoded from their beginning.
SEEKABLE = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
#: Containers without times of showing: their frames are counted at the file's rate.
COUNTED = {"avi", "mpeg"}
_EPSILON = 1e-5  #: seconds; manifests round their times


@frozen(eq=False)
class Shown:
    """A frame and when it is shown, in seconds from the beginning of the file."""

    frame: VideoFrame
    start: float
    end: float


def frames_of_clip(container: InputContainer, clip: Clip) -> Iterator[Shown]:
    """The frames that are shown within the clip's span, in order.

    Raises:
        SignalError: no video stream, no frames, damaged or missing frames in the span, or the
            span lies outside the clip.
        av.FFmpegError: what the decoder cannot go on from.
    """
    stream = open_stream(container, clip)
    start, end = clip.start / 1000, float("inf") if clip.end is None else clip.end / 1000
    last: Shown | None = None
    found = 0
    for last in _timed(container, stream, clip):
        if last.end <= start + _EPSILON:
            continue
        if last.frame.is_corrupt:
            raise SignalError(f"{clip.source}: damaged at {last.start:.3f} s")
        found += 1
        yield last
        if last.end >= end - _EPSILON:
            return
    _check_end(stream, clip, last, found)


def open_stream(container: InputContainer, clip: Clip) -> VideoStream:
    """The video stream of a file. Raises: SignalError, if none can be read."""
    if not container.streams.video:
        raise SignalError(f"{clip.source}: has no video stream")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise SignalError(f"{clip.source}: its video is of an unknown codec")
    stream.codec_context.thread_count = 1  # rows are read in parallel, not frames
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def frame_rate(stream: VideoStream) -> float:
    """Frames a second as the container says, NaN if it does not."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else float("nan")


def _timed(container: InputContainer, stream: VideoStream, clip: Clip) -> Iterator[Shown]:
    """Frames from the one shown at the span's start, or earlier, to the end of the file."""
    tick = stream.time_base or Fraction(1, 90_000)
    origin = stream.start_time or 0
    counted = container.format.name in COUNTED
    before: tuple[VideoFrame, float] | None = None
    for number, frame in enumerate(_decoded(container, stream, clip.start / 1000)):
        if counted:
            now = number / frame_rate(stream)
        elif frame.pts is not None:
            now = float((frame.pts - origin) * tick)
        else:
            raise SignalError(f"{clip.source}: its frames have no time stamps")
        if before is not None:
            yield _lasting(*before, now, clip)
        before = frame, now
    if before is not None:
        frame, now = before
        length = float(frame.duration * tick) if frame.duration else 1 / frame_rate(stream)
        yield _lasting(frame, now, now + length, clip)


def _lasting(frame: VideoFrame, start: float, end: float, clip: Clip) -> Shown:
    if end <= start or end > start + LONGEST_GAP:
        raise SignalError(
            f"{clip.source}: damaged time stamps: a frame lasts from {start:.3f} to {end:.3f} s"
        )
    return Shown(frame, start, end)


def _decoded(container: InputContainer, stream: VideoStream, start: float) -> Iterator[VideoFrame]:
    """Frames in order from a key frame at or before ``start`` seconds.

    A container seeks by decoding time, which runs ahead of the time of showing where frames are
    reordered: if the first frame comes too late, seek further back.
    """
    tick, origin = stream.time_base or Fraction(1, 90_000), stream.start_time or 0
    back = 0.0
    while back < start and container.format.name in SEEKABLE:
        container.seek(origin + int((start - back) / tick), stream=stream)
        frames = container.decode(stream)
        first = next(frames, None)
        if first is not None and (first.pts or 0) * tick <= start + origin * tick:
            yield first
            yield from frames
            return
        back = 2 * back + 1
    if back:
        container.seek(origin, stream=stream)
    yield from container.decode(stream)


def _check_end(stream: VideoStream, clip: Clip, last: Shown | None, found: int) -> None:
    """After the last frame of the file: was everything there that was promised?"""
    if last is None:
        raise SignalError(f"{clip.source}: holds no frame")
    frame = last.end - last.start
    if stream.duration is not None and stream.time_base is not None:
        promised = float(stream.duration * stream.time_base)
        if promised > last.end + 2 * frame:
            raise SignalError(
                f"{clip.source}: ends after {last.end:.3f} s of {promised:.3f} s: truncated"
            )
    too_long = clip.end is not None and clip.end / 1000 > last.end + frame + _EPSILON
    if too_long or not found:
        raise outside(clip, last.end)
