"""Processors on a small file of theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from slp_core.testing import NotTried, Trial
from slp_encoders.synthetic import synthesize


def features(folder: Path) -> Trial:
    file = folder / "features.npy"
    np.save(file, np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32))
    return Trial(config={"width": 6, "rate": 12.5}, source=str(file))


def image(folder: Path) -> Trial:
    file = folder / "image.png"
    pixels = np.random.default_rng(0).integers(256, size=(40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    return Trial(config={"size": 32}, source=str(file))


def mediapipe(folder: Path) -> Trial:
    raise NotTried("it needs MediaPipe and the film of a person")


def pose(folder: Path) -> Trial:
    synthesize(folder / "corpus", 10, video=False, workers=1)
    return Trial(source=str(min((folder / "corpus/poses").iterdir())))


def signwriting(folder: Path) -> Trial:
    sign = "M518x529S14c20481x471S27106503x489"
    return Trial(config={"size": 32}, source=f"{sign} {sign}")


def video(folder: Path) -> Trial:
    import av

    file = folder / "film.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for shade in range(0, 240, 10):
            picture = np.full((64, 64, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return Trial(config={"size": 32}, source=str(file))
