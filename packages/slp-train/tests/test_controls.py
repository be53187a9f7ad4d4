"""The blindness controls that need no model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_train.controls import describe, most_frequent, nearest, shuffled


def test_most_frequent():
    assert most_frequent(["b", "a", "c", "a"]) == "a"
    assert most_frequent(["b", "a", "a", "b"]) == "b"  # the first of equals
    with pytest.raises(UserError, match="no training sentences"):
        most_frequent([])


@given(st.integers(2, 200), st.integers(0, 10_000))
def test_shuffled_gives_every_sample_anothers_signal(n, seed):
    indices = shuffled(n, seed)
    assert sorted(indices) == list(range(n))
    assert not np.any(indices == np.arange(n))
    assert np.array_equal(indices, shuffled(n, seed))


def test_shuffled_depends_on_the_seed_and_takes_one_sample():
    assert not np.array_equal(shuffled(50, 0), shuffled(50, 1))
    assert shuffled(1, 0).tolist() == [0]
    assert shuffled(0, 0).tolist() == []


def test_describe_by_hand():
    signal = np.array([[1.0, 0], [3, 0], [5, 2], [5, 4]])
    assert describe(signal, segments=2).tolist() == [2, 0, 5, 3, 1, 0, 0, 1]


@given(st.integers(1, 40))
def test_describe_uses_every_frame_once(frames):
    signal = np.zeros((frames, 3, 2))
    blank = describe(signal)
    assert blank.shape == (8 * 2 * 6,)
    for frame in range(frames):
        changed = signal.copy()
        changed[frame] = 1
        assert not np.array_equal(describe(changed), blank)


def test_describe_does_not_depend_on_speed():
    signal = np.random.default_rng(0).normal(size=(16, 4))
    assert np.allclose(describe(signal), describe(np.repeat(signal, 3, axis=0)))


def test_describe_tells_order_in_time():
    signal = np.arange(16.0)[:, None]
    assert not np.allclose(describe(signal), describe(signal[::-1]))


@pytest.mark.parametrize("signal", [np.zeros((0, 3)), np.array([[1.0], [np.nan]])])
def test_describe_refuses(signal):
    with pytest.raises(UserError, match="cannot be described"):
        describe(signal)


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(0, 600))
def test_nearest_equals_brute_force(seed, train, test):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(50, 1, size=(train, 5)), rng.normal(50, 1, size=(test, 5))
    distances = np.linalg.norm(a[None] - b[:, None], axis=-1)
    assert nearest(a, b).tolist() == distances.argmin(axis=1).tolist()


def test_nearest_far_from_the_origin():
    train = 1e9 + np.arange(10.0)[:, None]
    assert nearest(train, train).tolist() == list(range(10))


def test_nearest_refuses():
    with pytest.raises(UserError, match="no training signals"):
        nearest(np.zeros((0, 3)), np.zeros((2, 3)))
    with pytest.raises(UserError, match="3 numbers each and test signals 4"):
        nearest(np.zeros((2, 3)), np.zeros((2, 4)))
