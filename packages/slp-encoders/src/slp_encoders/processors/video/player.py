"""A film made small enough to be put into a report: as one that browsers play, and as pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import numpy as np
from PIL import Image

from slp_core import moving
from slp_encoders.processors.video.film import Film, upright

_SIDE = 240  # pixels, the longer one, of what is played
_SMALL = 120  # of a picture of a strip
_OPTIONS: dict[str, object] = {"crf": "40", "b": "0", "deadline": "realtime", "cpu-used": "8"}
_TICK = Fraction(1, 1000)  # WebM's


def webm(film: Film) -> moving.Film:
    """The first seconds of a film as VP9 in WebM, 240 pixels wide or high, without sound.

    The same film gives the same bytes. Raises: SignalError, as the film's frames do.
    """
    import av

    content = BytesIO()
    rate = min(film.rate, moving.FASTEST)
    count = 0
    with av.open(content, "w", format="webm", container_options={"fflags": "+bitexact"}) as made:
        stream = None
        for picture in _pictures(film, rate, _SIDE):
            if stream is None:
                stream = made.add_stream("libvpx-vp9", rate=Fraction(rate).limit_denominator(1000))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.options = "yuv420p", _OPTIONS
                stream.codec_context.time_base = _TICK
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(1000 * count / rate), _TICK
            made.mux(stream.encode(frame))
            count += 1
            if count >= moving.LONGEST * rate:
                break
        if stream is not None:
            made.mux(stream.encode())
    return moving.Film(content.getvalue(), "video/webm", count / rate)


def strip(film: Film, frames: int) -> list[str]:
    """At most so many frames as SVG for a box of 100 by 100, about evenly spaced.

    Raises: SignalError, as the film's frames do.
    """
    kept: list[np.ndarray] = []
    every = 1
    for number, picture in enumerate(_pictures(film, film.rate, _SMALL)):
        if number % every == 0:
            kept.append(picture)
        if len(kept) == 16 * frames:  # however long the film is
            kept, every = kept[::2], 2 * every
    chosen = np.unique(np.linspace(0, len(kept) - 1, frames).round().astype(int))
    return [
        f'<image width="100" height="100" href="data:image/jpeg;base64,{_jpeg(kept[one])}"/>'
        for one in chosen
    ]


def _pictures(film: Film, rate: float, side: int) -> Iterator[np.ndarray]:
    """Upright frames ``h w c``, their sides even and the longer one ``side`` at most."""
    for frame, matrix in film.frames(None if rate == film.rate else rate):
        scale = min(side / max(frame.width, frame.height), 1)
        width, height = (max(round(scale * one / 2), 1) * 2 for one in (frame.width, frame.height))
        picture = frame.reformat(width, height, "rgb24").to_ndarray()
        yield np.ascontiguousarray(upright(picture, matrix))


def _jpeg(picture: np.ndarray) -> str:
    content = BytesIO()
    Image.fromarray(picture).save(content, "JPEG", quality=75)
    return b64encode(content.getvalue()).decode()
