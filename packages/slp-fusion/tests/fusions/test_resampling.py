"""Resampling against numpy.interp, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.sequence import Sequence
from slp_fusion.fusions.resampling import resample

lengths = st.lists(st.integers(1, 12), min_size=3, max_size=3)
rates = st.lists(st.sampled_from([5.0, 12.5, 25.0, 29.97, math.nan]), min_size=3, max_size=3)


@settings(max_examples=60)
@given(lengths, lengths, rates, rates, st.integers(0, 3), st.integers(0, 3))
def test_each_sample_is_interpolated_at_the_middles_of_its_steps(
    stream: Callable[..., Sequence],
    theirs: list[int],
    ours: list[int],
    their_rates: list[float],
    our_rates: list[float],
    extra: int,
    more: int,
) -> None:
    torch.manual_seed(0)
    values = [torch.randn(n, 2) for n in theirs]
    clock = stream([torch.zeros(n, 5) for n in ours], our_rates, more)
    found = resample(stream(values, their_rates, extra), clock)
    assert found.mask is clock.mask and found.rate is clock.rate
    assert not found.values[~found.mask].any()
    for number, (have, want) in enumerate(zip(theirs, ours, strict=True)):
        rate, clocked = their_rates[number], our_rates[number]
        if math.isnan(rate) or math.isnan(clocked):  # stretched over the clip
            rate, clocked = have, want
        times, places = (np.arange(want) + 0.5) / clocked, (np.arange(have) + 0.5) / rate
        for channel in range(2):
            expected = np.interp(times, places, values[number][:, channel].numpy())
            got = found.values[number, :want, channel].numpy()
            np.testing.assert_allclose(got, expected, atol=2e-5)


def test_without_a_clock_it_is_torchs_interpolation(stream: Callable[..., Sequence]) -> None:
    values = torch.randn(7, 3)
    clock = stream([torch.zeros(11, 1)], math.nan)
    expected = F.interpolate(values.T[None], size=11, mode="linear")[0].T
    found = resample(stream([values], math.nan), clock).values[0]
    torch.testing.assert_close(found, expected)


def test_on_its_own_clock_nothing_changes(stream: Callable[..., Sequence]) -> None:
    one = stream([torch.randn(n, 3) for n in (4, 9)], extra=2)
    assert torch.equal(resample(one, one).steps, one.steps)


def test_gradients_reach_what_is_read_and_nothing_else(stream: Callable[..., Sequence]) -> None:
    source = stream([torch.randn(n, 2) for n in (5, 3)], 10.0, extra=2)
    leaf = source.values.clone().requires_grad_()
    clock = stream([torch.zeros(n, 1) for n in (12, 9)], 25.0)
    resample(source.with_values(leaf), clock).values.sum().backward()
    assert leaf.grad is not None and leaf.grad.isfinite().all()
    assert leaf.grad[source.mask].all() and not leaf.grad[~source.mask].any()
