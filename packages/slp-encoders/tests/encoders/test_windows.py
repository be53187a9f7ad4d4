"""Windows of frames against brute force: which frames, whose, and how many a second."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slp_core.sequence import Sequence
from slp_encoders.encoders.windows import Tail, Windows, window_starts

steps = st.integers(1, 6)


@pytest.mark.parametrize(
    ("length", "tail", "starts"),
    [
        (16, "repeat", [0]),
        (17, "repeat", [0, 8]),
        (24, "repeat", [0, 8]),
        (25, "repeat", [0, 8, 16]),
        (3, "repeat", [0]),
        (0, "repeat", []),
        (23, "drop", [0]),
        (24, "drop", [0, 8]),
        (31, "drop", [0, 8]),
        (3, "drop", [0]),
        (0, "drop", []),
    ],
)
def test_windows_of_sixteen_every_eight(length: int, tail: Tail, starts: list[int]) -> None:
    assert window_starts(length, 16, 8, tail) == starts


@given(length=st.integers(1, 40), window=steps, stride=steps)
def test_every_frame_is_in_a_window_and_no_window_is_idle(
    length: int, window: int, stride: int
) -> None:
    starts = window_starts(length, window, stride)
    seen = {frame for start in starts for frame in range(start, start + window)}
    assert starts == [stride * number for number in range(len(starts))] and starts[-1] < length
    if stride <= window:
        assert seen >= set(range(length))
    if len(starts) > 1:  # without the last window a frame would be missed
        assert starts[-2] + window < length


@given(length=st.integers(1, 40), window=steps, stride=steps)
def test_dropping_the_tail_keeps_the_full_windows(length: int, window: int, stride: int) -> None:
    full = [start for start in range(0, length, stride) if start + window <= length]
    assert window_starts(length, window, stride, "drop") == (full or [0])


def clips(lengths: list[int], extra: int = 0) -> Sequence:
    """Frames of one number, ``100 clip + frame``; the padding is NaN."""
    frames = [100.0 * number + torch.arange(length) for number, length in enumerate(lengths)]
    batch = Sequence.pad([*frames, torch.zeros(max(lengths) + extra)], [25.0, 30.0, 50.0, 1.0])
    values, mask = batch.values[:-1], batch.mask[:-1]
    return Sequence(values.masked_fill(~mask, torch.nan), mask, batch.rate[: len(lengths)])


@given(
    lengths=st.lists(st.integers(1, 12), min_size=3, max_size=3),
    window=steps,
    stride=steps,
    tail=st.sampled_from(["repeat", "drop"]),
    size=steps,
    extra=st.integers(0, 3),
)
def test_windows_of_a_batch_by_brute_force(
    lengths: list[int], window: int, stride: int, tail: Tail, size: int, extra: int
) -> None:
    batch = clips(lengths, extra)
    windows = Windows.of(batch, window, stride, tail)
    expected = [
        [
            [100.0 * number + min(start + step, length - 1) for step in range(window)]
            for start in window_starts(length, window, stride, tail)
        ]
        for number, length in enumerate(lengths)
    ]
    parts = list(windows.batches(batch.values, size))
    assert torch.cat(parts).tolist() == [one for clip in expected for one in clip]
    assert all(len(part) == size for part in parts[:-1]) and 1 <= len(parts[-1]) <= size
    output = windows.sequence(torch.cat(parts))
    assert output.lengths.tolist() == [len(clip) for clip in expected]
    for number, clip in enumerate(expected):
        assert output.values[number, output.mask[number]].tolist() == clip
        assert not output.values[number, ~output.mask[number]].any()
    assert output.rate.tolist() == pytest.approx([25 / stride, 30 / stride, 50 / stride])


def test_frames_keep_their_shape() -> None:
    frames = torch.randint(256, (2, 5, 3, 4, 4), dtype=torch.uint8)
    batch = Sequence(frames, torch.ones(2, 5, dtype=torch.bool), torch.full((2,), 25.0))
    first, second = Windows.of(batch, 4, 3).batches(frames, 2)
    assert first.shape == second.shape == (2, 4, 3, 4, 4) and first.dtype == torch.uint8
    assert torch.equal(first[0], frames[0, :4])
    assert torch.equal(first[1], frames[0, [3, 4, 4, 4]])
