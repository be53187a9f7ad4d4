"""What an encoder is given by its track."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from slp_core.sequence import Sequence
from slp_encoders.extraction.shards import RowWriter
from slp_encoders.extraction.track import Encoded, Track

from . import toys


class Remembering(toys.Pictures):
    def forward(self, inputs: Sequence) -> Sequence:
        self.given: Tensor = inputs.values
        return super().forward(inputs)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 2, 1)])
def test_colours_are_last_in_memory_however_frames_lie(tmp_path: Path, order: Any) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 3, 8, 8), np.uint8)
    lying = frames.transpose(order).copy().transpose(np.argsort(order))
    encoder = Remembering()
    track = Track(encoder, "float32", lambda clip: None)
    track.feed(Encoded("clip", "key", RowWriter(tmp_path, "float32")), lying)
    assert torch.equal(encoder.given[:, 0], torch.from_numpy(frames))
    assert encoder.given.movedim(2, -1).is_contiguous()
