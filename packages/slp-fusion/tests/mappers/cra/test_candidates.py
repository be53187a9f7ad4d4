"""Candidate words, against merging by hand and counting by hand."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slp_fusion.mappers.cra.candidates import find_candidates, occurrences, to_text

CHARACTERS = 5
Pair = tuple[str, str]
TEXTS = st.lists(
    st.lists(st.integers(0, CHARACTERS - 1), min_size=1, max_size=12)
    .map(lambda one: [c for c, before in zip(one, [None, *one], strict=False) if c != before])
    .map(to_text),
    min_size=1,
    max_size=8,
)


def merged(text: list[str], pair: Pair) -> list[str]:
    found: list[str] = []
    for word in text:
        found.append(word)
        if tuple(found[-2:]) == pair:
            found[-2:] = ["".join(pair)]
    return found


def by_hand(texts: list[str], limit: int, longest: int, min_count: int) -> list[Pair]:
    """Byte-pair encoding, counting everything anew before each merge; the older words win ties."""
    parted = [list(text) for text in texts]
    age = {word: place for place, word in enumerate(sorted(set("".join(texts))))}
    merges: list[Pair] = []
    while len(merges) < limit:
        counts = Counter(p for text in parted for p in pairwise(text))
        short = {p: n for p, n in counts.items() if n >= min_count and len("".join(p)) <= longest}
        if not short:
            break
        best = min(short, key=lambda p: (-short[p], age[p[0]], age[p[1]]))
        parted = [merged(text, best) for text in parted]
        age.setdefault("".join(best), len(age))
        merges.append(best)
    return merges


@settings(max_examples=150)
@given(
    texts=TEXTS,
    limit=st.integers(1, 12),
    longest=st.integers(2, 6),
    min_count=st.integers(2, 3),
)
def test_candidates_and_their_counts(
    texts: list[str], limit: int, longest: int, min_count: int
) -> None:
    merges = by_hand(texts, limit, longest, min_count)
    words = ["".join(pair) for pair in merges]
    assume(len(set(words)) == len(words))  # not one word by two ways
    found = find_candidates(texts, CHARACTERS, limit, longest, min_count)
    singles = [to_text([one]) for one in range(CHARACTERS)]
    assert found.words == singles + words and found.single == CHARACTERS
    parted = [list(text) for text in texts]
    for number in range(len(words) + 1):
        counts = Counter(word for text in parted for word in text)
        size = CHARACTERS + number
        assert found.counts(size).tolist() == [counts[word] for word in found.words[:size]]
        if number < len(words):
            parted = [merged(text, merges[number]) for text in parted]


@settings(max_examples=60)
@given(texts=TEXTS, size=st.integers(CHARACTERS, 20))
def test_counts_always_cover_the_texts(texts: list[str], size: int) -> None:
    found = find_candidates(texts, CHARACTERS, limit=15, longest=8, min_count=2)
    assert len(set(found.words)) == len(found.words)
    size = min(size, len(found.words))
    counts = found.counts(size)
    spelt = occurrences(found.words[:size], CHARACTERS) @ counts
    expected = Counter("".join(texts))
    assert spelt.tolist() == [expected[to_text([one])] for one in range(CHARACTERS)]
    assert (counts >= 0).all()


@pytest.mark.parametrize("longest", [2, 3, 4, 8])
def test_no_word_is_too_long_and_some_are_that_long(longest: int) -> None:
    found = find_candidates([to_text([0, 1, 2, 3, 4, 5, 6, 7, 8])] * 3, 9, 100, longest, 2)
    assert max(len(word) for word in found.words) == longest


def test_occurrences() -> None:
    found = occurrences([to_text(word) for word in ([0], [1, 0, 1], [2, 1])], 3).toarray()
    assert found.tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 1]]
