"""A folder of pictures as a film: one a frame, in the order of the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.clips import frames_of_span, reading
from slp_encoders.processors.video.decode import Shown

FORMATS = {"BMP": ".bmp", "JPEG": ".jpg .jpeg", "PNG": ".png", "WEBP": ".webp"}
SUFFIXES = tuple(" ".join(FORMATS.values()).split())


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder: ``2.png`` before ``10.png``. What is hidden is none."""
    files = (file for file in folder.glob("[!.]*") if file.suffix.lower() in SUFFIXES)
    return sorted(files, key=_natural)


def frames_of_folder(clip: Clip, rate: float) -> Iterator[Shown]:
    """The pictures that are shown within the clip's span at ``rate`` pictures a second.

    Raises:
        SignalError: no picture, a broken one, one of another size than the first of the span, or
            the span lies outside the clip.
    """
    from av import VideoFrame

    files = pictures_in(Path(clip.source))
    if not files:
        raise SignalError(f"{clip.source}: the folder holds no picture ({', '.join(SUFFIXES)})")
    span = frames_of_span(clip, len(files), rate)
    first = files[span.start]
    size: tuple[int, int] | None = None
    for number in range(span.start, span.stop):
        picture = _read(files[number])
        size = size or picture.size
        if picture.size != size:
            ours, theirs = (f"{w} x {h}" for w, h in (picture.size, size))
            raise SignalError(f"{files[number]}: {ours} pixels, {first.name} has {theirs}")
        yield Shown(VideoFrame.from_image(picture), number / rate, (number + 1) / rate)


def _read(file: Path) -> Image.Image:
    # Pillow's decoders raise whatever broken bytes make them stumble over.
    with reading(str(file), Exception), Image.open(file, formats=list(FORMATS)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _natural(file: Path) -> tuple[list[tuple[int, str]], str]:
    """Numbers by their value, and the name itself where those agree (``1.png``, ``01.png``)."""
    words = re.split(r"([0-9]+)", file.name)
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words], file.name
