"""A pipeline and a decoder that are told what to give."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from slp_core.batch import Batch, Tokens
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.sequence import Sequence, lengths_to_mask


def padded(samples: list[Tensor], extra: int = 0, padding: float = 0.0) -> Sequence:
    lengths = torch.tensor([len(sample) for sample in samples])
    steps = int(lengths.max()) + extra
    values = torch.full((len(samples), steps, samples[0].shape[1]), padding)
    for number, sample in enumerate(samples):
        values[number, : len(sample)] = sample
    return Sequence(values, lengths_to_mask(lengths, steps), torch.full((len(samples),), 25.0))


def measured(
    objective: Any,
    signs: Sequence,
    texts: Sequence,
    labels: list[list[int]] | None = None,
    where: str = "",
    decoder: Any = None,
) -> Tensor:
    """The objective's loss of signs and of embedded texts, whose labels differ unless given."""
    rows = labels or [[number] for number in range(len(signs.rate))]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    tokens = Tokens(ids, lengths_to_mask(torch.tensor([len(row) for row in rows]), width))
    decoder = decoder or SimpleNamespace(text_embeddings=lambda _: texts)
    pipeline: Any = SimpleNamespace(decoder=decoder)
    batch = Batch(
        tuple(Row({}, None, number) for number in range(len(rows))),  # type: ignore[arg-type]
        {},
        {"decoder.labels": tokens},
    )
    assert objective.count(batch) == len(rows)
    elsewhere = Sequence(signs.values + 1, signs.mask, signs.rate)
    trace = Trace({where: signs} if where else {}, elsewhere if where else signs)
    return objective(pipeline, trace, batch)


@pytest.fixture(name="padded", scope="session")
def _padded() -> Callable[..., Sequence]:
    return padded


@pytest.fixture(name="measured", scope="session")
def _measured() -> Callable[..., Tensor]:
    return measured
