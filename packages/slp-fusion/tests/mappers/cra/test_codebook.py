"""The codebook's size against brute force, and which words stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_fusion.mappers.cra.candidates import Candidates, find_candidates, to_text
from slp_fusion.mappers.cra.codebook import Codebook, greatest_utility, sizes, solve

SINGLE = 6


@pytest.fixture(scope="module")
def candidates() -> Candidates:
    draw = np.random.default_rng(0)
    signs = [[0, 1, 2], [3, 4], [2, 1], [4, 0, 3, 1], [1]]
    texts = [to_text([one for sign in draw.choice(5, 6) for one in signs[sign]]) for _ in range(80)]
    return find_candidates(texts, SINGLE, 40, 6, 2)


@given(entropies=st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_the_greatest_utility(entropies: list[float]) -> None:
    best, place = -np.inf, 0
    for r in range(len(entropies) - 1):
        if entropies[r] - entropies[r + 1] > best:
            best, place = entropies[r] - entropies[r + 1], r
    assert greatest_utility(entropies) == place


def test_sizes_are_multiples_that_hold_all_characters(candidates: Candidates) -> None:
    total = len(candidates.words)
    assert total > 25
    assert sizes(candidates, 1) == list(range(SINGLE, total + 1))
    assert sizes(candidates, 4) == [n for n in range(total + 1) if n % 4 == 0 and n >= SINGLE]
    assert sizes(candidates, 1000) == [total]


@pytest.mark.parametrize("size", [SINGLE, 12, 30])
def test_an_exact_codebook_has_the_entropy_of_its_frequencies(
    candidates: Candidates, size: int
) -> None:
    found = solve(candidates, size, "pot", 1.0, np.inf)
    mass = candidates.counts(size) * [len(word) for word in candidates.words[:size]]
    shares = mass / mass.sum()
    seen = shares[shares > 0]
    assert np.allclose(found.shares, shares) and np.allclose(found.masses, shares, atol=1e-8)
    assert found.entropy == pytest.approx(-(seen @ np.log(seen)), abs=1e-6)
    length = mass.sum() / candidates.counts(size).sum()  # of a word, in the mean
    assert found.entropy_per_character == pytest.approx(found.entropy / length, abs=1e-6)
    assert found.character_error < 1e-12 and found.word_error < 1e-8


def test_relaxed_words_have_more_entropy(candidates: Candidates) -> None:
    loose, tight = (solve(candidates, 30, "sparse", 1.0, weight) for weight in (1.0, 100.0))
    assert loose.entropy > tight.entropy > solve(candidates, 30, "sparse", 1.0, np.inf).entropy
    assert loose.word_error > 10 * tight.word_error and loose.character_error < 1e-12


def test_words_that_keep_mass_stay() -> None:
    found = Codebook(
        4, masses=np.array([0.5, 0.0, 0.2, 0.3]), shares=np.array([0.4, 0.0, 0.4, 0.2]),
        lengths=np.ones(4, int), entropy=0.0, character_error=0.0, word_error=0.0,
    )  # fmt: skip
    assert found.kept(1e-5).tolist() == [0, 2, 3]
    assert found.kept(0.5).tolist() == [0, 3]


def test_a_word_that_later_merges_took_up_is_dropped(candidates: Candidates) -> None:
    size = len(candidates.words)
    counts = candidates.counts(size)
    assert (counts[SINGLE:] == 0).any()
    kept = solve(candidates, size, "sparse", 1.0, 10.0).kept(1e-5)
    assert kept.tolist() == np.flatnonzero(counts).tolist()
