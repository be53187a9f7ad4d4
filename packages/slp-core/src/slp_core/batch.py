"""Samples, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence as Items

import torch
from attrs import field, frozen
from torch import Tensor

from slp_core.manifest import Row
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.signals import Signal


@frozen(eq=False)
class Sample:
    """One row, read: a signal for each stream, token ids for whoever asked for them."""

    row: Row
    signals: dict[str, Signal]  #: by stream
    tokens: dict[str, list[int]] = field(factory=dict)  #: "decoder.labels", ...

    @property
    def steps(self) -> int:
        """The length that a batch's budget counts: the longest stream."""
        return max(len(signal.values) for signal in self.signals.values())


@frozen(eq=False)
class Tokens:
    """Token ids ``b l``, zeros after the end, and their mask ``b l``, True where valid."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> Tokens:
        return Tokens(self.ids.to(device), self.mask.to(device))


@frozen(eq=False)
class Batch:
    """Padded samples. What each stream, the decoder and the objectives read."""

    rows: tuple[Row, ...]
    signals: dict[str, Sequence]
    tokens: dict[str, Tokens] = field(factory=dict)
    encoded: frozenset[str] = frozenset()  #: streams whose encoder has done its work already

    def __len__(self) -> int:
        return len(self.rows)

    def tokens_of(self, part: str) -> dict[str, Tokens]:
        """The token ids a part asked for, without its path: ``{"labels": ...}``."""
        prefix = f"{part}."
        return {
            name.removeprefix(prefix): tokens
            for name, tokens in self.tokens.items()
            if name.startswith(prefix)
        }

    def to(self, device: torch.device | str) -> Batch:
        return Batch(
            self.rows,
            {name: signal.to(device) for name, signal in self.signals.items()},
            {name: tokens.to(device) for name, tokens in self.tokens.items()},
            self.encoded,
        )


def collate(samples: Items[Sample]) -> Batch:
    """Pad samples to the longest of the batch, valid steps first."""
    signals = {
        stream: Sequence.pad(
            [torch.from_numpy(sample.signals[stream].values) for sample in samples],
            [sample.signals[stream].rate for sample in samples],
        )
        for stream in samples[0].signals
    }
    tokens = {name: _pad_ids([s.tokens[name] for s in samples]) for name in samples[0].tokens}
    encoded = frozenset(name for name, signal in samples[0].signals.items() if signal.encoded)
    return Batch(tuple(sample.row for sample in samples), signals, tokens, encoded)


def _pad_ids(ids: Items[list[int]]) -> Tokens:
    lengths = [len(one) for one in ids]
    steps = max(lengths)
    padded = [[*one, *[0] * (steps - len(one))] for one in ids]
    mask = lengths_to_mask(torch.tensor(lengths), steps)
    return Tokens(torch.tensor(padded, dtype=torch.long), mask)  # (b, l)
