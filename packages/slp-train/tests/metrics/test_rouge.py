"""ROUGE-L against rouge_score, brute force and hand-made numbers."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from slp_core.errors import UserError
from slp_train.metrics.rouge import RougeL, RougeLCoco, RougeLGoogle, lcs_length
from slp_train.metrics.spec import RougeCocoConfig, RougeConfig, RougeGoogleConfig

SHORT = st.lists(st.sampled_from("abc"), max_size=7)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


def brute_force_lcs(a, b):
    def subsequences(items):
        return {c for n in range(len(items) + 1) for c in combinations(items, n)}

    return max(len(c) for c in subsequences(a) & subsequences(b))


@given(SHORT, SHORT)
def test_lcs_equals_brute_force(a, b):
    assert lcs_length(a, b) == brute_force_lcs(a, b)


@given(ASCII, ASCII)
def test_equals_rouge_score_on_ascii(hypothesis, reference):
    upstream = RougeScorer(["rougeL"]).score(reference, hypothesis)["rougeL"].fmeasure
    assert RougeL().sentence(hypothesis, reference) == pytest.approx(upstream)
    assert RougeLGoogle().sentence(hypothesis, reference) == pytest.approx(upstream)


def test_is_the_mean_of_sentences_not_of_the_corpus():
    score = RougeL().score(["a", "x y z w"], ["a", "a b c d"])
    assert score.value == pytest.approx(50)


def test_keeps_umlauts_whole():
    hypotheses, references = ["Süden"], ["Säden"]
    assert RougeL().score(hypotheses, references).value == 0
    # the English tokenizer sees "s den" in both
    assert RougeLGoogle().score(hypotheses, references).value == 100


def test_umlauts_are_one_letter_however_typed():
    assert RougeL().score(["Su\u0308den"], ["S\u00fcden"]).value == 100


def test_splits_chinese_and_drops_punctuation():
    # 今 天 下 雪 against 今 天 北 京 下 雪: P 4/4, R 4/6
    assert RougeL().score(["今天下雪。"], ["今天北京下雪"]).value == pytest.approx(80)
    assert RougeLCoco().score(["今天下雪"], ["今天北京下雪"]).value == 0


def test_case():
    pair = ["REGEN im norden"], ["Regen im Norden"]
    assert RougeL().score(*pair).value == 100
    assert RougeL(RougeConfig(lowercase=False)).score(*pair).value == pytest.approx(100 / 3)
    assert RougeLCoco().score(*pair).value == pytest.approx(100 / 3)
    assert RougeLCoco(RougeCocoConfig(lowercase=True)).score(*pair).value == pytest.approx(100)
    assert "case:lc" in RougeL().signature
    assert "case:mixed" in RougeLCoco().signature


def test_coco_by_hand():
    # lcs 2, P 2/4, R 2/3, beta² 1.44: 2.44 * 1/3 / (2/3 + 0.72)
    assert RougeLCoco().score(["a b c d"], ["a c e"]).value == pytest.approx(58.653846)
    # recall weighs more than precision: the order of the two texts matters
    assert RougeLCoco().score(["a c e"], ["a b c d"]).value == pytest.approx(55.707763)
    # punctuation stays where it stands
    assert RougeLCoco().score(["es regnet ."], ["es regnet."]).value == pytest.approx(
        100 * 2.44 * (1 / 3) * (1 / 2) / (1 / 2 + 1.44 / 3)
    )


def test_an_empty_hypothesis_scores_nothing():
    for metric in (RougeL(), RougeLCoco(), RougeLGoogle()):
        assert metric.score(["", "a"], ["a", "a"]).value == pytest.approx(50)


def test_google_stems_when_asked():
    pair = ["raining heavily"], ["rained heavily"]
    assert RougeLGoogle().score(*pair).value == 50
    stemmed = RougeLGoogle(RougeGoogleConfig(stemmer=True))
    assert stemmed.score(*pair).value == 100
    assert "stem:yes" in stemmed.signature


def test_google_refuses_what_it_cannot_see():
    with pytest.raises(UserError, match=r"row 2: .*rouge-l-google"):
        RougeLGoogle().score(["a", "今天"], ["a", "今天下雪"])
    assert RougeLGoogle().score(["a", "b"], ["a", "..."]).value == 50  # no words in any script
