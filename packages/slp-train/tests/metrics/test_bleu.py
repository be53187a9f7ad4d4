"""BLEU against sacreBLEU, closed forms, and every way to choose a wrong tokenizer."""

from math import exp

import pytest
import sacrebleu
from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

from slp_core.errors import UserError
from slp_train.metrics.bleu import Bleu
from slp_train.metrics.spec import BleuConfig

REFERENCES = [
    "Am Montag regnet es im Norden.",
    "Im Süden scheint die Sonne, später ziehen Wolken auf.",
    "Heute Nacht wird es kälter als gestern.",
]
HYPOTHESES = [
    "Am Montag regnet es im Süden.",
    "Im Süden scheint später die Sonne.",
    "Heute nacht wird es kälter als am Montag gestern.",
]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "none", "zh"])
def test_equals_sacrebleu(order, lowercase, tokenize):
    metric = Bleu(BleuConfig(order=order, lowercase=lowercase, tokenize=tokenize))
    upstream = sacrebleu.BLEU(
        max_ngram_order=order, lowercase=lowercase, tokenize=tokenize, force=True
    )
    score = metric.score(HYPOTHESES, REFERENCES)
    expected = upstream.corpus_score(HYPOTHESES, [REFERENCES]).score
    assert 0 < expected < 100
    assert score.value == pytest.approx(expected, abs=1e-9)
    assert score.signature == str(upstream.get_signature())
    assert score.name == f"BLEU-{order}"


def test_closed_form():
    metric = Bleu(BleuConfig(order=2))
    # unigrams 5/5, bigrams 3/4, five words for six
    score = metric.score(["the cat sat on mat"], ["the cat sat on the mat"])
    assert score.value == pytest.approx(100 * exp(1 - 6 / 5) * (5 / 5 * 3 / 4) ** 0.5)


def test_orders_are_runs_of_their_own():
    scores = [Bleu(BleuConfig(order=n)).score(HYPOTHESES, REFERENCES).value for n in (1, 2, 3, 4)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_case_counts_unless_asked():
    hypotheses, references = ["heute regnet es im norden"], ["Heute regnet es im Norden"]
    mixed = Bleu().score(hypotheses, references)
    lower = Bleu(BleuConfig(lowercase=True)).score(hypotheses, references)
    assert mixed.value < 100
    assert "case:mixed" in mixed.signature
    assert lower.value == pytest.approx(100)
    assert "case:lc" in lower.signature


def test_the_tokenizer_matters():
    hypotheses, references = ["Am Montag regnet es ."], ["Am Montag regnet es."]
    assert Bleu().score(hypotheses, references).value == pytest.approx(100)
    none = Bleu(BleuConfig(tokenize="none")).score(hypotheses, references)
    assert none.value < 70
    assert "tok:none" in none.signature


@pytest.mark.parametrize("language", ["zh", "zh-CN", "zh_TW", "zho_Hans", "__zh__", "yue", "ZH"])
def test_chinese_is_split_into_characters(language):
    metric = Bleu(BleuConfig(order=1, language=language))
    score = metric.score(["明天北京下雪"], ["今天北京下雪"])
    assert score.value == pytest.approx(100 * 5 / 6)  # one of six characters is wrong
    assert "tok:zh" in score.signature


@pytest.mark.parametrize("tokenize", ["13a", "intl"])
def test_13a_is_refused_for_chinese(tokenize):
    with pytest.raises(UserError, match=f'tokenize = "{tokenize}".*Chinese.*"zh" or "char"'):
        Bleu(BleuConfig(language="zh", tokenize=tokenize))
    with pytest.raises(UserError, match=r"Japanese.*ja-mecab"):
        Bleu(BleuConfig(language="ja", tokenize=tokenize))


@pytest.mark.parametrize("references", [["今天北京下雪"], ["東京では雪が降っています"]])
def test_13a_is_refused_for_chinese_text_without_a_language(references):
    with pytest.raises(UserError, match="Chinese or Japanese"):
        Bleu().score(references, references)


def test_a_foreign_word_is_no_reason_to_refuse():
    texts = ["In 北京 schneit es heute, im Norden regnet es."]
    assert Bleu().score(texts, texts).value == pytest.approx(100)
    texts = ["오늘 서울에는 눈이 옵니다"]  # Korean has spaces
    assert Bleu().score(texts, texts).value == pytest.approx(100)


@pytest.mark.parametrize(
    ("language", "module"), [("ja", tokenizer_ja_mecab), ("ko", tokenizer_ko_mecab)]
)
def test_missing_mecab_says_what_to_install(monkeypatch, language, module):
    monkeypatch.setattr(module, "MeCab", None)
    with pytest.raises(UserError, match=rf"sacrebleu\[{language}\]"):
        Bleu(BleuConfig(language=language))


def test_japanese_with_mecab():
    pytest.importorskip("MeCab", reason="needs sacrebleu[ja]")
    texts = ["東京では雪が降っています"]
    assert Bleu(BleuConfig(language="ja")).score(texts, texts).value == pytest.approx(100)


@pytest.mark.parametrize("wrong", [{"order": 0}, {"order": 5}, {"tokenize": "14a"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be in"):
        BleuConfig(**wrong)


@pytest.mark.parametrize("language", [None, "de", "en-GB"])
def test_13a_is_the_tokenizer_of_all_other_languages(language):
    metric = Bleu(BleuConfig(order=1, language=language))
    assert "tok:13a" in metric.signature
    # intl cuts the German quotation marks off, 13a does not
    assert metric.score(["Regen heute"], ["„Regen“ heute"]).value == pytest.approx(50)
