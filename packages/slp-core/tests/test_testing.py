"""The padding assertion lets honest parts pass and finds the leaking ones."""

import pytest
import torch
from attrs import evolve

from slp_core.sequence import Sequence
from slp_core.testing import assert_padding_changes_nothing

SAMPLES = [torch.randn(length, 4) for length in (5, 2, 9)]


def masked_mean(inputs: Sequence) -> Sequence:
    values = inputs.values * inputs.mask[..., None]
    mean = values.sum(1, keepdim=True) / inputs.lengths[:, None, None]
    return inputs.with_values(inputs.values - mean)


def plain_mean(inputs: Sequence) -> Sequence:
    return inputs.with_values(inputs.values - inputs.values.mean(1, keepdim=True))


def longer(inputs: Sequence) -> Sequence:
    return evolve(inputs, mask=torch.ones_like(inputs.mask))


def valid_last(inputs: Sequence) -> Sequence:
    return evolve(inputs, values=inputs.values.flip(1), mask=inputs.mask.flip(1))


def rate_of_batch(inputs: Sequence) -> Sequence:
    return evolve(inputs, rate=inputs.rate / inputs.mask.shape[1])


def leaking_codes(inputs: Sequence) -> Sequence:
    return evolve(inputs, codes=torch.full_like(inputs.mask, inputs.mask.shape[1], dtype=int))


def test_a_masked_part_passes() -> None:
    assert_padding_changes_nothing(masked_mean, SAMPLES)


def test_no_clock_is_the_same_rate() -> None:
    def clockless(inputs: Sequence) -> Sequence:
        return evolve(inputs, rate=torch.full_like(inputs.rate, torch.nan))

    assert_padding_changes_nothing(clockless, SAMPLES)


@pytest.mark.parametrize(
    "part", [plain_mean, longer, valid_last, rate_of_batch, leaking_codes], ids=lambda p: p.__name__
)
def test_a_part_that_sees_padding_is_found(part) -> None:
    with pytest.raises(AssertionError):
        assert_padding_changes_nothing(part, SAMPLES)


def test_padding_after_the_longest_sample_counts_too() -> None:
    with pytest.raises(AssertionError, match="padded to 8 steps"):
        assert_padding_changes_nothing(plain_mean, [torch.randn(5, 4)])


def test_modules_are_put_into_evaluation_mode() -> None:
    class Dropping(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = torch.nn.Dropout(0.5)

        def forward(self, inputs: Sequence) -> Sequence:
            return inputs.with_values(self.dropout(inputs.values))

    assert_padding_changes_nothing(Dropping(), SAMPLES)
