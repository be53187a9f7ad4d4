"""Scores by length and by frequency, against counting by hand."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_train.evaluation.scores import Prediction
from slp_train.report.breakdowns import breakdowns, by_frequency, by_length

WORDS = [f"w{number}" for number in range(12)]
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)


def predictions(*pairs, chrf=0.0):
    return [
        Prediction(str(n), reference, hypothesis, 1.0, 2.0 * n, chrf + n, None)
        for n, (reference, hypothesis) in enumerate(pairs)
    ]


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=20))
def test_lengths_are_counted_once_each(pairs):
    found = predictions(*pairs)
    bins = by_length(found)
    assert 1 <= len(bins) <= 6
    widths = {one.high - one.low + 1 for one in bins}
    assert len(widths) == 1 and widths <= {1, 2, 5, 10}
    assert all(a.high < b.low for a, b in pairwise(bins))
    assert sum(one.samples for one in bins) == len(found)
    for one in bins:
        inside = [p for p in found if one.low <= len(p.reference.split()) <= one.high]
        said = sum(len(p.hypothesis.split()) for p in inside)
        assert one.samples == len(inside)
        assert one.chrf == pytest.approx(np.mean([p.chrf for p in inside]))
        assert one.bleu == pytest.approx(np.mean([p.bleu for p in inside]))
        assert one.ratio == pytest.approx(said / sum(len(p.reference.split()) for p in inside))


def test_lengths_by_hand():
    found = by_length(
        predictions(("a b .", "a"), ("a b c", ""), ("a b c d e f g h i", "a b"), ("...", "a"))
    )
    assert [(one.label, one.samples) for one in found] == [("1–2", 1), ("3–4", 1), ("9–10", 1)]
    assert [one.ratio for one in found] == [1 / 2, 0, 2 / 9]
    assert by_length(predictions(("...", "a"))) == []
    seven = predictions(*(("a " * length, "a") for length in range(1, 8)))
    assert [one.label for one in by_length(seven)] == ["1–2", "3–4", "5–6", "7–8"]


def had(reference, hypothesis):
    """The words that a translation has, each matched with one of its own."""
    left, found = hypothesis.split(), []
    for word in reference.split():
        if word in left:
            left.remove(word)
            found.append(word)
    return found


@given(
    st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=10),
    st.lists(SENTENCE, max_size=30),
)
def test_recall_by_frequency(pairs, train):
    times = Counter(" ".join(train).split())
    bins = by_frequency(predictions(*pairs), train)
    edges = {
        "never": (0, 0),
        "1": (1, 1),
        "2–5": (2, 5),
        "6–20": (6, 20),
        "21–100": (21, 100),
        "over 100": (101, 1e9),
    }
    everything = " ".join(reference for reference, _ in pairs).split()
    assert sum(one.occurrences for one in bins) == len(everything)
    assert sum(one.words for one in bins) == len(set(everything))
    for one in bins:
        low, high = edges[one.label]
        wanted = [word for word in everything if low <= times[word] <= high]
        matched = [w for pair in pairs for w in had(*pair) if low <= times[w] <= high]
        assert (one.occurrences, one.words) == (len(wanted), len(set(wanted)))
        assert one.recall == pytest.approx(100 * len(matched) / len(wanted))


def test_frequencies_by_hand():
    train = ["Rain rain , RAIN", "snow"]
    found = by_frequency(
        predictions(("Rain and snow .", "Rain , rain AND"), ("rain", "snow")), train
    )
    assert [(one.label, one.words, one.occurrences, one.recall) for one in found] == [
        ("never", 1, 1, 100.0),
        ("1", 1, 1, 0.0),
        ("2–5", 1, 2, 50.0),
    ]


def test_chinese_is_told_by_the_character():
    found = breakdowns(predictions(("今天下雨", "今天晴")), ["今天", "今"])
    assert (found.unit, found.lengths[0].label) == ("characters", "4")
    assert [(one.label, one.words, one.recall) for one in found.frequencies] == [
        ("never", 2, 0.0),
        ("1", 1, 100.0),
        ("2–5", 1, 100.0),
    ]


def test_without_training_sentences_there_is_a_note():
    found = breakdowns(predictions(("a", "a")), None, "it is gone")
    assert (found.frequencies, found.note) == ([], "it is gone")
