"""A ``.pose`` file as arrays, without copying what is not asked for.

pose-format parses the header; the body (versions 0.0, 0.1 and 0.2 of its specification) is
viewed in place, since the library copies the whole file into masked arrays. Sizes are checked
against the file's own length before anything is made of them: a truncated file is found, and a
damaged header asks for no memory.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from slp_encoders.processors.clips import reading

_BROKEN = (struct.error, ValueError, TypeError, EOFError, OverflowError)


@frozen(eq=False)
class PoseFile:
    """One person of a file. A point is present where its confidence is above zero."""

    header: Any  #: pose_format.PoseHeader
    rate: float  #: frames a second
    coordinates: np.ndarray  #: ``t points dims``, pixels
    confidence: np.ndarray  #: ``t points``


def read_pose_file(source: str, person: int = 0) -> PoseFile:
    """View one person of a file.

    Raises:
        SignalError: the file is absent, no ``.pose`` file, truncated, or holds no frame or no
            such person.
    """
    with reading(source, *_BROKEN) as path:
        return _parse(path, person)


def _parse(path: Path, person: int) -> PoseFile:
    from pose_format.pose_header import PoseHeader
    from pose_format.utils.reader import BufferReader, ConstStructs

    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    with path.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    reader = BufferReader(content)
    try:
        header = PoseHeader.read(reader)
    except _BROKEN as error:
        raise ValueError("its header is none of the .pose format") from error
    version = round(header.version, 3)
    if version not in (0.0, 0.1, 0.2):
        raise ValueError(f"version {header.version:g} of the format is unknown")
    formats = sorted({part.format for part in header.components})
    if not set(formats) <= {"XYC", "XYZC"} or header.total_points() == 0:
        raise ValueError(f"its header declares no points of the format XYC or XYZC ({formats})")
    if version == 0.2:
        rate, frames = reader.unpack(ConstStructs.float), reader.unpack(ConstStructs.uint)
    else:
        rate, frames = reader.unpack(ConstStructs.double_ushort)
    if not 0.1 <= rate <= 1e5:
        raise ValueError(f"its header declares {rate:g} frames a second")
    if frames == 0 and version != 0.1:
        raise ValueError("it holds no frame")
    if version == 0.0:
        if len(formats) > 1:
            raise ValueError(f"points of different formats in one file: {formats}")
        body = _frame_by_frame(header, content, reader.read_offset, frames, person)
    else:
        people = reader.unpack(ConstStructs.ushort)
        _check_person(person, people)
        wraps = version == 0.1  # frames are counted in 16 bits there
        body = _block(header, content, reader.read_offset, frames, people, wraps)
        body = body[0][:, person], body[1][:, person]
    return PoseFile(header, float(rate), *body)


def _check_person(person: int, people: int) -> None:
    if person >= people:
        raise ValueError(f"person = {person} (from 0) was asked for, it holds {people}")


def _block(
    header: Any, content: mmap.mmap, offset: int, frames: int, people: int, wraps: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Versions 0.1 and 0.2: all coordinates, then all confidences."""
    points, dims = header.total_points(), header.num_dims()
    left, size = len(content) - offset, 4 * people * points * (dims + 1)
    held, rest = divmod(left, size)
    if rest or held == 0 or (held % 65536 if wraps else held) != frames:
        raise ValueError(
            f"its header declares {frames} frames of {size} bytes, {left} bytes follow: "
            "it is truncated or damaged"
        )
    coordinates = np.ndarray((held, people, points, dims), "<f4", content, offset)
    confidence = np.ndarray((held, people, points), "<f4", content, offset + coordinates.nbytes)
    return coordinates, confidence


def _frame_by_frame(
    header: Any, content: mmap.mmap, offset: int, frames: int, person: int
) -> tuple[np.ndarray, np.ndarray]:
    """Version 0.0: a frame is its number of people, then each one's id and ``x y .. c`` points.

    The person is missing from frames with fewer people.
    """
    points, width = header.total_points(), header.num_dims() + 1
    size = 2 + 4 * points * width
    starts, most = {}, 0
    for frame in range(frames):
        (people,) = struct.unpack_from("<H", content, offset)
        offset += 2
        if people > person:
            starts[frame] = offset + person * size + 2
        offset += people * size
        most = max(most, people)
    if offset != len(content):
        raise ValueError(f"its frames end at byte {offset} of {len(content)}: it is damaged")
    _check_person(person, most)
    if len(starts) < frames / 100:  # also bounds the memory that empty frames cost
        raise ValueError(f"person {person} is in {len(starts)} of its {frames} frames only")
    values = np.zeros((frames, points, width), np.float32)
    for frame, start in starts.items():
        values[frame] = np.ndarray((points, width), "<f4", content, start)
    return values[..., :-1], values[..., -1]
