"""Films for benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image


def write_film(path: Path, frames: int, small: bool, seed: int = 0) -> Path:
    """Moving noise, at 720p or small."""
    height, width = (96, 128) if small else (720, 1280)
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.options = {"preset": "veryfast"}
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 4 * number, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def repeat_film(film: Path, times: int, path: Path) -> Path:
    """The same film again and again, its packets copied."""
    with av.open(str(path), "w") as target:
        out: Any = None
        for number in range(times):
            with av.open(str(film)) as source:
                stream = source.streams.video[0]
                out = out or target.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts += number * stream.duration
                    packet.dts += number * stream.duration
                    packet.stream = out
                    target.mux(packet)
    return path
