"""Streams of several lengths and clocks, with nothing to be read in their padding."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from slp_core.sequence import Sequence, lengths_to_mask


def stream(samples: list[Tensor], rates: list[float] | float = 25.0, extra: int = 0) -> Sequence:
    """Padded by ``extra`` steps more than needed, NaN in all padding."""
    lengths = torch.tensor([len(sample) for sample in samples])
    mask = lengths_to_mask(lengths, int(lengths.max()) + extra)
    values = torch.full((*mask.shape, samples[0].shape[1]), math.nan, dtype=samples[0].dtype)
    values[mask] = torch.cat(samples)
    each = [rates] * len(samples) if isinstance(rates, int | float) else rates
    return Sequence(values, mask, torch.tensor(each, dtype=torch.float32))


@pytest.fixture(name="stream", scope="session")
def _stream() -> Callable[..., Sequence]:
    return stream
