"""Edit distances against an independent implementation; rates over the corpus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.distance import edit_distance as nltk_edit_distance

from slp_core.edits import edit_distance
from slp_train.metrics.edit import LetterAccuracy, TokenErrorRate, WordErrorRate
from slp_train.metrics.spec import EditConfig

LISTS = st.lists(st.sampled_from("abcd"), max_size=9)


@given(LISTS, LISTS)
def test_edit_distance_equals_nltk(a, b):
    assert edit_distance(a, b) == nltk_edit_distance(a, b)


def test_wer_is_of_the_corpus_not_the_mean_of_sentences():
    # 1 error in 1 word and 0 in 3: 25 %, where the mean of sentences is 50 %
    assert WordErrorRate().score(["x", "a b c"], ["a", "a b c"]).value == 25
    assert WordErrorRate().score(["a b c d", ""], ["a", "a"]).value == 200
    assert not WordErrorRate.higher_is_better


def test_wer_divides_by_the_reference():
    assert WordErrorRate().score(["a"], ["a b c d"]).value == 75
    assert WordErrorRate().score(["a b c d"], ["a"]).value == 300


def test_words_and_tokens_differ():
    pair = ["Es regnet"], ["Es regnet."]
    assert WordErrorRate().score(*pair).value == 50
    assert TokenErrorRate().score(*pair).value == pytest.approx(100 / 3)
    pair = ["明天 北京"], ["今天 北京"]
    assert WordErrorRate().score(*pair).value == 50
    assert TokenErrorRate().score(*pair).value == 25
    assert WordErrorRate().signature != TokenErrorRate().signature


def test_case_counts_unless_asked():
    for metric in (WordErrorRate, TokenErrorRate):
        assert metric().score(["regen"], ["Regen"]).value == 100
        assert metric(EditConfig(lowercase=True)).score(["regen"], ["Regen"]).value == 0


def test_letter_accuracy():
    # 1 of 2 letters wrong, none of 6: 1 - 1/8
    score = LetterAccuracy().score(["ax", "s u n d a y"], ["ab", "sunday"])
    assert score.value == pytest.approx(87.5)
    assert LetterAccuracy().score(["abc"], ["a"]).value == -100
    assert LetterAccuracy().score([""], ["abc"]).value == 0
    assert LetterAccuracy().score(["A"], ["a"]).value == 0
    assert LetterAccuracy(EditConfig(lowercase=True)).score(["A"], ["a"]).value == 100
    assert LetterAccuracy.higher_is_better


def test_a_letter_is_what_a_reader_sees():
    assert LetterAccuracy().score(["u\u0308b"], ["\u00fcb"]).value == 100
    assert LetterAccuracy().score(["ub"], ["q\u0308b"]).value == 50  # q̈ has no composed form
