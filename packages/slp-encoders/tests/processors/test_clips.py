"""Spans and frame rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.clips import frames_of_span, nearest_frames, reading

RATES = st.sampled_from([12.5, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94])


@given(st.integers(1, 500), RATES, st.data())
def test_a_span_that_begins_and_ends_with_frames_holds_exactly_those(
    frames: int, rate: float, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, frames - 1))
    end = data.draw(st.integers(first + 1, frames))
    clip = Clip("a", 1000 * first / rate, 1000 * end / rate)
    assert frames_of_span(clip, frames, rate) == slice(first, end)


@given(st.integers(1, 500), RATES, st.floats(0, 30_000), st.floats(0.001, 5000))
def test_a_span_holds_every_frame_it_touches(
    frames: int, rate: float, start: float, length: float
) -> None:
    clip = Clip("a", start, start + length)
    touched = [
        k
        for k in range(frames)
        if 1000 * (k + 1) / rate > start + 1e-3 and 1000 * k / rate < start + length - 1e-3
    ]
    lasts = 1000 * frames / rate
    if start >= lasts or start + length > lasts + 1000 / rate:
        with pytest.raises(SignalError, match=r"lies outside the clip, which lasts \d+ ms"):
            frames_of_span(clip, frames, rate)
    else:
        span = frames_of_span(clip, frames, rate)
        assert set(touched) <= set(range(frames)[span])
        assert len(range(frames)[span]) <= len(touched) + 2  # bounds within a rounding


def test_a_span_may_end_one_frame_late_but_no_more() -> None:
    assert frames_of_span(Clip("a", 0, 440), 10, 25) == slice(0, 10)
    with pytest.raises(SignalError, match=r"0 ms to 441 ms lies outside .* lasts 400 ms"):
        frames_of_span(Clip("a", 0, 441), 10, 25)


@given(st.integers(1, 300), RATES, RATES)
def test_the_nearest_frame_is_the_nearest(frames: int, rate: float, wanted: float) -> None:
    chosen = nearest_frames(frames, rate, wanted)
    ticks = np.arange(len(chosen)) / wanted
    distance = np.abs(np.arange(frames)[None] / rate - ticks[:, None])  # (tick, frame)
    assert np.allclose(distance[np.arange(len(chosen)), chosen], distance.min(1), atol=1e-9)
    assert abs(len(chosen) / wanted - frames / rate) <= 1 / wanted + 1e-6


def test_the_same_rate_changes_nothing_and_the_double_shows_each_twice() -> None:
    assert nearest_frames(4, 25, 25).tolist() == [0, 1, 2, 3]
    assert nearest_frames(3, 25, 50).tolist() == [0, 1, 1, 2, 2, 2]
    assert nearest_frames(6, 50, 25).tolist() == [0, 2, 4]


@pytest.mark.parametrize("source", ["", "absent.pose", "nul\0.pose", "."])
def test_what_is_no_file_is_said(source: str) -> None:
    with pytest.raises(SignalError, match=r"no such file|is no file"), reading(source):
        pass
