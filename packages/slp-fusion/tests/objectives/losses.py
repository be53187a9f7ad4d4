"""Losses of signs and texts, of a decoder that is told what to give."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slp_core.batch import Batch, Tokens
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.sequence import Sequence, lengths_to_mask

WIDTH = 5


def drawn(lengths: list[int], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(length, WIDTH, generator=generator) for length in lengths]


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


def assert_blind_to_padding(objective: Any) -> None:
    """Neither the loss nor a gradient changes, whatever the padding holds."""

    @settings(max_examples=25)
    @given(lengths=st.lists(st.integers(1, 6), min_size=2, max_size=4), extra=st.integers(0, 4))
    def holds(lengths: list[int], extra: int) -> None:
        signs, texts, found = drawn(lengths), drawn(lengths[::-1], 1), []
        for more, padding in ((0, 0.0), (extra, math.nan), (extra, 7.0)):
            ours, theirs = padded(signs, more, padding), padded(texts, more, padding)
            ours.values.requires_grad_()
            loss = measured(objective, ours, theirs)
            loss.backward()
            assert not ours.values.grad[~ours.mask].any()
            found.append(torch.cat([loss.detach()[None], ours.values.grad[ours.mask].flatten()]))
        for one in found[1:]:
            assert torch.allclose(one, found[0], atol=1e-5)

    holds()
