"""Compression and segmentation: nothing but the length of a run is lost on the way to words."""

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slp_fusion.mappers.cra.candidates import to_characters, to_text
from slp_fusion.mappers.cra.compression import compress, mean_run_length, run_lengths
from slp_fusion.mappers.cra.segmentation import segment

SLOW = 4
CODES = st.lists(st.integers(0, SLOW - 1), max_size=30)


@given(codes=CODES, alpha=st.floats(1, 5))
def test_compression_is_itertools(codes: list[int], alpha: float) -> None:
    grouped = [(code, len(list(run))) for code, run in groupby(codes)]
    found = run_lengths(np.array(codes, dtype=int))
    assert list(zip(*(one.tolist() for one in found), strict=True)) == grouped
    expected = []
    for code, length in grouped:
        expected += [code, SLOW] if length > alpha else [code]
    assert compress(np.array(codes, dtype=int), alpha, SLOW).tolist() == expected


def test_a_slow_run_is_marked() -> None:
    codes = np.array([3, 3, 3, 0, 1, 1, 3])
    assert compress(codes, 1.75, SLOW).tolist() == [3, SLOW, 0, 1, SLOW, 3]
    assert compress(codes, 2.0, SLOW).tolist() == [3, SLOW, 0, 1, 3]  # longer than, not as long
    assert compress(codes, np.inf, SLOW).tolist() == [3, 0, 1, 3]


def test_alpha_is_the_mean_over_all_runs() -> None:
    assert mean_run_length([np.array([0, 0, 0, 1]), np.array([2])]) == 5 / 3


@given(
    characters=st.lists(st.integers(0, SLOW), max_size=30),
    words=st.sets(st.lists(st.integers(0, SLOW), min_size=2, max_size=5).map(to_text)),
)
def test_segmentation_is_total_and_reversible(characters: list[int], words: set[str]) -> None:
    parted = segment(to_text(characters), words, longest=5)
    assert to_characters("".join(parted)) == characters
    assert all(len(word) == 1 or word in words for word in parted)
    for number, word in enumerate(parted):  # no longer word begins where one was taken
        rest = "".join(parted[number:])
        assert not any(rest.startswith(other) for other in words if len(other) > len(word))


def test_the_longest_word_is_taken() -> None:
    assert segment("abcab", {"ab", "abc", "ca"}, longest=3) == ["abc", "ab"]
    assert segment("abcab", {"ab", "abc", "ca"}, longest=2) == ["ab", "ca", "b"]
    assert segment("", {"ab"}, longest=2) == []
