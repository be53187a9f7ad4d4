"""Encoders of every receptive field, small films, and a cache filled with both."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from attrs import field, frozen
from torch import Tensor, nn

from slp_core.manifest import Row
from slp_core.parts import Encoder, ReceptiveField
from slp_core.sequence import Sequence
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.encoders.windows import Windows
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

SIDE = 8


@frozen
class Nothing:
    batch: int = 4


class Pictures(Encoder):
    """Every picture by itself through a layer."""

    receptive_field = ReceptiveField()

    def __init__(self, config: Any = Nothing(), seed: int = 0) -> None:
        super().__init__(config)
        torch.manual_seed(seed)
        self.layer = nn.Linear(3 * SIDE * SIDE, 5)
        self.register_buffer("mean", torch.tensor(127.0), persistent=False)
        self.sizes_seen: list[int] = []

    def forward(self, inputs: Sequence) -> Sequence:
        self.sizes_seen.append(len(inputs.values))
        return inputs.with_values(self.layer((inputs.values.flatten(2) - self.mean) / 127))


class Windowed(Encoder):
    """The mean and the last frame of each window through a layer."""

    def __init__(self, window: int, stride: int, tail: Any, batch: int = 3) -> None:
        super().__init__(Nothing(batch))
        self.receptive_field = ReceptiveField(window, stride, tail)
        torch.manual_seed(0)
        self.layer = nn.Linear(6 * SIDE * SIDE, 5)

    def forward(self, inputs: Sequence) -> Sequence:
        field = self.receptive_field
        assert field is not None
        windows = Windows.of(inputs, field.window, field.stride, field.tail)
        parts = []
        for some in windows.batches(inputs.values, 2):
            seen = some.float().flatten(2) / 255  # (n, w, p)
            parts.append(self.layer(torch.cat([seen.mean(1), seen[:, -1]], -1)))
        return windows.sequence(torch.cat(parts))


class Whole(Encoder):
    """Each step the mean of all pictures so far, every second one kept."""

    def __init__(self) -> None:
        super().__init__(Nothing())
        torch.manual_seed(0)
        self.layer = nn.Linear(3 * SIDE * SIDE, 5)

    def forward(self, inputs: Sequence) -> Sequence:
        values = inputs.values.float().flatten(2).cumsum(1)
        values = values / torch.arange(1, values.shape[1] + 1)[None, :, None] / 255
        return Sequence(self.layer(values)[:, ::2], inputs.mask[:, ::2], inputs.rate / 2)


@frozen
class FilmConfig:
    size: int = SIDE
    augment: dict | None = field(default=None)


class Films(Processor):
    """``.npy`` films ``t c h w``, frame by frame; ``decoded`` counts the frames."""

    def __init__(self, config: Any = FilmConfig()) -> None:
        super().__init__(config)
        self.decoded = 0

    def frames(self, clip: Clip) -> Any:
        for frame in self.read(clip).values:
            self.decoded += 1
            yield frame.transpose(1, 2, 0)

    def rate(self, clip: Clip) -> float:
        return 25.0

    def read(self, clip: Clip) -> Signal:
        try:
            return Signal(np.load(clip.source), 25.0)
        except (OSError, ValueError) as error:
            raise SignalError(f"{clip.source}: cannot be read: {error}") from error


def write_films(folder: Path, *lengths: int) -> list[Path]:
    """Random films ``t c h w`` of these lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    files = []
    for number, length in enumerate(lengths):
        files.append(folder / f"{number}.npy")
        np.save(files[-1], rng.integers(0, 256, (length, 3, SIDE, SIDE), np.uint8))
    return files


def write_video(path: Path, frames: int, side: int = 48, seed: int = 0) -> Path:
    """A film of moving noise."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (side, side, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height = stream.width = side
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, number, 1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@torch.no_grad()
def forward_alone(encoder: Encoder, values: np.ndarray, rate: float = 25.0) -> tuple[Tensor, float]:
    """The encoder's own pass over a whole clip: the oracle."""
    out = encoder.eval()(Sequence.pad([torch.from_numpy(values)], [rate]))
    return out.values[0][out.mask[0]], float(out.rate[0])


def fill(folder: Path, files: list[Path], encoder: Any = None) -> FeatureCache:
    """Encode what is not there yet, as a rerun of a killed extraction does."""
    cache = FeatureCache(folder)
    encoder = encoder or Pictures()
    extractor = Extractor(cache, Films(), {"a": encoder})
    wanted = []
    for file in files:
        clip = Clip(str(file))
        keys = extractor.keys(clip)
        if keys["a"] not in cache:
            wanted.append(Wanted(clip, [Row({"id": file.stem}, Path("a.tsv"), 2)], keys))
    extractor.run(wanted)
    cache.pack()
    return cache


def content(cache: FeatureCache) -> dict[str, str]:
    """What the cache holds: the bytes of every key, by hash."""
    cache.refresh()
    return {key: hashlib.sha256(cache.read(key).numpy().tobytes()).hexdigest() for key in cache}
