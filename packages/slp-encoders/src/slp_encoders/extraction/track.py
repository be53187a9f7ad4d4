"""One encoder at work on a stream of clips, in the memory of its window and its batch.

An encoder that says its receptive field is given windows as clips of their own: the contract that a
sample's result does not depend on its batch makes that equal to its pass over the whole clip.
Windows of consecutive clips fill one batch, and a batch always has the same size (the last one
keeps what stood there before): so the kernels that run, and with them the last bit of a result,
do not depend on which clips came before, and an extraction that was killed and run again ends
with the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from attrs import define, field
from torch import Tensor

from slp_core.parts import Encoder
from slp_core.sequence import Sequence
from slp_encoders.encoders.windows import window_starts
from slp_encoders.extraction.shards import RowWriter

_BATCH = 32  #: windows through an encoder that has no ``batch`` key

Done = Callable[["Encoded"], None]


@define(eq=False)
class Encoded:
    """A clip on its way through one encoder."""

    clip: Any
    key: str
    writer: RowWriter
    rate: float = float("nan")
    reason: str = ""  #: why it has no features
    waiting: int = 0  #: windows that are not encoded yet
    ended: bool = False
    frames: deque[np.ndarray] = field(factory=deque)  #: those that are still needed
    first: int = 0  #: which frame of the clip is the first of them
    seen: int = 0  #: frames of the clip so far
    taken: int = 0  #: windows so far


class Track:
    """An encoder and its batch. ``done`` is called with each clip that is through."""

    def __init__(self, encoder: Encoder, precision: str, done: Done) -> None:
        self.encoder, self.precision, self.done = encoder.eval(), precision, done
        self.field = encoder.receptive_field
        self.size = getattr(encoder.config, "batch", _BATCH)
        self.device = next(encoder.parameters(), torch.empty(0)).device
        self._batch: Tensor | None = None  # (n, w, ...)
        self._owners: list[Encoded] = []

    def feed(self, clip: Encoded, frames: np.ndarray) -> None:
        """The next frames ``n ...`` of a clip."""
        if clip.reason:
            return
        clip.frames.extend(frames)
        clip.seen += len(frames)
        if (seen := self.field) is None:
            return
        while (start := clip.taken * seen.stride) + seen.window <= clip.seen:
            self._drop_before(clip, start)
            self._take(clip, [clip.frames[place] for place in range(seen.window)])

    def end(self, clip: Encoded, rate: float) -> None:
        """There are no more frames."""
        if not clip.reason and self.field is None:
            self._encode_whole(clip, rate)
        elif not clip.reason and (seen := self.field) is not None:
            clip.rate = rate / seen.stride
            starts = window_starts(clip.seen, seen.window, seen.stride, seen.tail)
            for start in starts[clip.taken :]:
                self._drop_before(clip, start)
                last = len(clip.frames) - 1
                self._take(clip, [clip.frames[min(p, last)] for p in range(seen.window)])
        clip.frames.clear()
        clip.ended = True  # only now: a batch that fills on the way must not finish the clip
        self._finish(clip)

    def flush(self) -> None:
        """Encode what waits in the batch."""
        if not self._owners:
            return
        assert self._batch is not None
        rows = self._encode(
            Sequence(
                self._batch,
                torch.ones(self._batch.shape[:2], dtype=torch.bool),
                torch.full((len(self._batch),), float("nan")),
            )
        ).values[:, 0]  # (n, d)
        owners, self._owners = self._owners, []
        for clip, begin, end in _runs(owners):
            clip.waiting -= end - begin
            self._write(clip, rows[begin:end])
            self._finish(clip)

    def _drop_before(self, clip: Encoded, start: int) -> None:
        while clip.first < start and len(clip.frames) > 1:
            clip.frames.popleft()
            clip.first += 1

    def _take(self, clip: Encoded, frames: list[np.ndarray]) -> None:
        if self._batch is None:
            shape = (self.size, len(frames), *frames[0].shape)
            empty = torch.zeros(shape, dtype=torch.from_numpy(frames[0]).dtype)
            self._batch = _colours_last(empty) if empty.ndim == 5 else empty
        place = self._batch[len(self._owners)].numpy()
        for number, frame in enumerate(frames):
            place[number] = frame
        self._owners.append(clip)
        clip.taken += 1
        clip.waiting += 1
        if len(self._owners) == self.size:
            self.flush()

    def _encode_whole(self, clip: Encoded, rate: float) -> None:
        values = torch.from_numpy(np.stack(clip.frames))
        encoded = self._encode(Sequence.pad([values], [rate]))
        clip.rate = float(encoded.rate[0])
        self._write(clip, encoded.values[0][encoded.mask[0]])

    @torch.inference_mode()
    def _encode(self, inputs: Sequence) -> Sequence:
        lower = self.precision != "float32"
        kind = self.device.type
        with torch.autocast(kind, getattr(torch, self.precision)) if lower else nullcontext():
            return self.encoder(inputs.to(self.device)).to("cpu")

    def _write(self, clip: Encoded, rows: Tensor) -> None:
        if clip.reason:
            return
        try:
            clip.writer.append(rows)
        except ValueError as error:
            clip.reason = str(error)

    def _finish(self, clip: Encoded) -> None:
        if clip.ended and not clip.waiting:
            self.done(clip)


def _colours_last(pictures: Tensor) -> Tensor:
    """The same ``n w c h w``, in memory as ``n w h w c``: so they are decoded, and convolutions in
    bfloat16 are nearly twice as fast."""
    return pictures.movedim(2, -1).contiguous().movedim(-1, 2)


def _runs(owners: list[Encoded]) -> Iterator[tuple[Encoded, int, int]]:
    """Consecutive rows of one clip."""
    begin = 0
    for end in range(1, len(owners) + 1):
        if end == len(owners) or owners[end] is not owners[begin]:
            yield owners[begin], begin, end
            begin = end
