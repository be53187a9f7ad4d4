"""The tensor that passes between parts: values, mask and clock."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from attrs import evolve, frozen

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@frozen(eq=False)
class Sequence:
    """A padded batch of sequences.

    ``values``: ``b t ...``; ``mask``: ``b t`` bool, True where a step is valid, valid steps
    first; ``rate``: ``b`` float, steps a second of each sample (NaN where there is no clock);
    ``codes``: ``b t`` int64, set by tokenizers beside the quantised values.
    """

    values: Tensor
    mask: Tensor
    rate: Tensor
    codes: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """``b`` int64: valid steps of each sample."""
        return self.mask.sum(1)

    def to(self, device: torch.device | str) -> Sequence:
        codes = None if self.codes is None else self.codes.to(device)
        return Sequence(self.values.to(device), self.mask.to(device), self.rate.to(device), codes)

    @property
    def steps(self) -> Tensor:
        """``n ...``: the valid steps of all samples, sample by sample."""
        return self.values[self.mask]

    def with_values(self, values: Tensor) -> Sequence:
        """The same steps with other values."""
        return evolve(self, values=values)

    def with_steps(self, steps: Tensor) -> Sequence:
        """The same steps with the values ``n ...``, in the order of :attr:`steps`; zeros in the
        padding."""
        return evolve(self, values=scattered(steps, self.mask))

    @classmethod
    def pad(cls, values: Items[Tensor], rates: Items[float]) -> Sequence:
        """Stack ``t ...`` tensors of different lengths, zeros after the end."""
        from torch import tensor
        from torch.nn.utils.rnn import pad_sequence

        lengths = tensor([len(value) for value in values])
        padded = pad_sequence(list(values), batch_first=True)  # (b, t, ...)
        return cls(padded, lengths_to_mask(lengths, padded.shape[1]), tensor(list(rates)))


def lengths_to_mask(lengths: Tensor, steps: int | None = None) -> Tensor:
    """``b`` lengths to a ``b t`` mask, True at valid steps."""
    import torch

    steps = int(lengths.max()) if steps is None else steps
    return torch.arange(steps, device=lengths.device)[None] < lengths[:, None]


def scattered(steps: Tensor, mask: Tensor) -> Tensor:
    """``n ...`` to ``b t ...``: one after the other to where the mask is True, zeros elsewhere."""
    values = steps.new_zeros(*mask.shape, *steps.shape[1:])
    values[mask] = steps
    return values
