"""Padding a batch never changes a sample: an assertion for the tests of one part."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from slp_core.sequence import Sequence, lengths_to_mask

if TYPE_CHECKING:
    from torch import Tensor


def assert_padding_changes_nothing(
    part: Callable[[Sequence], Sequence],
    samples: Items[Tensor],
    *,
    extra: int = 3,
    tolerance: float = 1e-5,
) -> None:
    """Assert that each sample gives the same alone and in a padded batch.

    ``samples``: tensors ``t ...`` of different lengths. Each goes through ``part`` alone, then
    all go together, and once more with ``extra`` steps of padding after the longest. The padding
    is not zeros but repeats each sample's last step, so that whoever looks at it is found out.

    Raises:
        AssertionError: lengths or rates differ, valid steps are not first, or values or codes
            differ by more than ``tolerance``.
    """
    import torch

    if isinstance(part, torch.nn.Module):
        part.eval()
    longest = max(len(sample) for sample in samples)
    with torch.no_grad():
        alone = [part(_batch([sample], len(sample))) for sample in samples]
        for steps in (longest, longest + extra):
            batch = part(_batch(samples, steps))
            first = lengths_to_mask(batch.lengths, batch.mask.shape[1])
            assert torch.equal(batch.mask, first), "valid steps do not come first"
            for number, one in enumerate(alone):
                length, found = int(one.lengths), int(batch.lengths[number])
                where = f"sample {number}, padded to {steps} steps:"
                assert found == length, f"{where} {found} steps come out, {length} alone"
                assert torch.allclose(one.rate[0], batch.rate[number], equal_nan=True), where
                for name in ("values", "codes"):
                    if (ours := getattr(one, name)) is not None:
                        gap = (ours[0, :length] - getattr(batch, name)[number, :length]).abs().max()
                        assert gap <= tolerance, f"{where} {name} differ by {gap:g}"


def _batch(samples: Items[Tensor], steps: int) -> Sequence:
    import torch

    padded = [torch.cat([s, s[-1:].expand(steps - len(s), *s.shape[1:])]) for s in samples]
    mask = lengths_to_mask(torch.tensor([len(sample) for sample in samples]), steps)
    return Sequence(torch.stack(padded), mask, torch.full((len(samples),), 25.0))
