"""The random window of the linear mapper."""

import math
from collections import Counter

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import TensorType
from slp_fusion.mappers.linear.model import LinearMapper, random_window
from slp_fusion.mappers.linear.spec import LinearConfig


def counting(lengths: list[int], steps: int) -> Sequence:
    """Samples whose steps hold their number; NaN in the padding."""
    values = torch.arange(float(steps)).expand(len(lengths), steps)
    mask = lengths_to_mask(torch.tensor(lengths), steps)
    rate = torch.arange(1.0, len(lengths) + 1)
    return Sequence(values.masked_fill(~mask, math.nan)[..., None], mask, rate)


@settings(max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    extra=st.integers(0, 3),
    most=st.integers(1, 22),
)
def test_a_window_is_steps_in_a_row(lengths: list[int], extra: int, most: int) -> None:
    inputs = counting(lengths, max(lengths) + extra)
    output = random_window(inputs, most)
    assert output.lengths.tolist() == [min(length, most) for length in lengths]
    assert output.mask.shape[1] <= most and torch.equal(output.rate, inputs.rate)
    for number, length in enumerate(lengths):
        kept = output.values[number, output.mask[number], 0].tolist()
        assert output.mask[number, : len(kept)].all()
        assert kept == [kept[0] + step for step in range(len(kept))] and kept[-1] < length


def test_every_window_is_drawn_alike_and_each_sample_by_itself() -> None:
    torch.manual_seed(0)
    inputs = counting([5, 5], 9)
    drawn = [tuple(random_window(inputs, 3).values[:, 0, 0].tolist()) for _ in range(1800)]
    seen = Counter(drawn)
    assert set(seen) == {(a, b) for a in (0, 1, 2) for b in (0, 1, 2)}
    assert all(120 < count < 280 for count in seen.values())  # 200 each, six deviations


def test_codes_are_cut_with_their_steps() -> None:
    inputs = counting([9], 9)
    coded = Sequence(inputs.values, inputs.mask, inputs.rate, torch.arange(9)[None])
    output = random_window(coded, 4)
    assert output.codes is not None and torch.equal(output.codes, output.values[..., 0].long())


def test_windows_are_for_training_only() -> None:
    config = LinearConfig(dim=2, norm="none", dropout=0.0, max_steps=4)
    part = LinearMapper(config, Context(inputs=TensorType("b t d", {"d": 1})))
    inputs = counting([9, 3], 9)
    assert part.eval()(inputs).lengths.tolist() == [9, 3]
    output = part.train()(inputs)
    assert output.lengths.tolist() == [4, 3] and not output.values[output.mask].isnan().any()
    without = LinearMapper(LinearConfig(dim=2), part.context).train()
    assert without(inputs).lengths.tolist() == [9, 3]
