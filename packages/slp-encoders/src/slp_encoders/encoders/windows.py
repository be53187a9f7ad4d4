"""Windows over the frames of a clip, for encoders that read several frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from slp_core.sequence import Sequence, lengths_to_mask, scattered

if TYPE_CHECKING:
    from torch import Tensor

#: What becomes of frames behind the last full window: the clip's last frame is repeated until
#: they fill one, or they are dropped.
Tail = Literal["repeat", "drop"]


def window_starts(length: int, window: int, stride: int, tail: Tail = "repeat") -> list[int]:
    """The first frame of each window of a clip of ``length`` frames.

    With ``tail = "repeat"`` every frame is in a window (where ``stride <= window``), and the last
    window may run over the end. With ``"drop"`` none does, and there are
    ``floor((length - window) / stride) + 1``. A clip shorter than a window is one window either
    way, a clip of no frames none.
    """
    over = stride if tail == "repeat" else 1
    return list(range(0, min(length, max(length - window, 0) + over), stride))


@frozen(eq=False)
class Windows:
    """Which frames are in which window, over all clips of a batch.

    ``clip``: ``n`` int64, the clip of each window, clip by clip; ``frame``: ``n w`` int64, its
    frames in that clip, the clip's last again where the window runs over the end; ``mask``:
    ``b t'`` bool, the windows of each clip; ``rate``: ``b``, windows a second.
    """

    clip: Tensor
    frame: Tensor
    mask: Tensor
    rate: Tensor

    @classmethod
    def of(cls, frames: Sequence, window: int, stride: int, tail: Tail = "repeat") -> Windows:
        """Windows of ``window`` frames every ``stride`` over the valid steps of ``frames``."""
        import torch

        lengths = frames.lengths.tolist()
        starts = [window_starts(length, window, stride, tail) for length in lengths]
        counts = torch.tensor([len(some) for some in starts])
        clip = torch.arange(len(lengths)).repeat_interleave(counts)  # (n,)
        first = torch.tensor([start for some in starts for start in some], dtype=torch.long)
        last = torch.tensor(lengths)[clip] - 1
        frame = torch.minimum(first[:, None] + torch.arange(window), last[:, None])  # (n, w)
        device = frames.mask.device
        mask = lengths_to_mask(counts).to(device)
        return cls(clip.to(device), frame.to(device), mask, frames.rate / stride)

    def batches(self, values: Tensor, size: int) -> Iterator[Tensor]:
        """The frames of at most ``size`` windows at a time: ``b t ...`` to ``n w ...``."""
        for clip, frame in zip(self.clip.split(size), self.frame.split(size), strict=True):
            yield values[clip[:, None], frame]

    def sequence(self, encoded: Tensor) -> Sequence:
        """The sequence of encoded windows: ``n d`` to ``b t' d``, zeros after the end."""
        return Sequence(scattered(encoded, self.mask), self.mask, self.rate)
