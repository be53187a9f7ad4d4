"""chrF, chrF++ and TER against sacreBLEU and closed forms."""

import pytest
import sacrebleu

from slp_core.errors import UserError
from slp_train.metrics.chrf import Chrf
from slp_train.metrics.spec import ChrfConfig, ChrfPlusPlusConfig, TerConfig
from slp_train.metrics.ter import Ter

REFERENCES = ["Am Montag regnet es im Norden.", "Heute Nacht wird es kälter als gestern."]
HYPOTHESES = ["am Montag regnet es im Süden.", "Heute wird es nachts kälter."]


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize(("config", "order"), [(ChrfConfig, 0), (ChrfPlusPlusConfig, 2)])
def test_chrf_equals_sacrebleu(config, order, lowercase):
    score = Chrf(config(lowercase=lowercase)).score(HYPOTHESES, REFERENCES)
    upstream = sacrebleu.CHRF(word_order=order, lowercase=lowercase)
    expected = upstream.corpus_score(HYPOTHESES, [REFERENCES]).score
    assert score.value == pytest.approx(expected, abs=1e-9)
    assert score.signature == str(upstream.get_signature())
    assert score.name == "chrF" + "+" * order


def test_chrf_counts_characters_and_case():
    mixed = Chrf().score(["regen"], ["Regen"]).value
    assert mixed < 80
    assert Chrf(ChrfConfig(lowercase=True)).score(["regen"], ["Regen"]).value == 100
    # one order: two of three letters found, all of them right
    assert Chrf().score(["今天"], ["今天雪"]).value > 0


def test_chrf_and_chrf_plus_plus_differ():
    plain = Chrf().score(HYPOTHESES, REFERENCES).value
    assert Chrf(ChrfPlusPlusConfig()).score(HYPOTHESES, REFERENCES).value < plain - 1


@pytest.mark.parametrize("lowercase", [False, True])
def test_ter_equals_sacrebleu(lowercase):
    score = Ter(TerConfig(lowercase=lowercase)).score(HYPOTHESES, REFERENCES)
    upstream = sacrebleu.TER(case_sensitive=not lowercase)
    assert score.value == pytest.approx(upstream.corpus_score(HYPOTHESES, [REFERENCES]).score)
    assert score.signature == str(upstream.get_signature())


def test_ter_closed_form():
    assert Ter().score(["b c d a"], ["a b c d"]).value == 25  # one shift over four words
    assert Ter().score(["a b x d"], ["a b c d"]).value == 25
    assert Ter().score(["A b c d"], ["a b c d"]).value == 25
    assert Ter(TerConfig(lowercase=True)).score(["A b c d"], ["a b c d"]).value == 0
    assert not Ter.higher_is_better


def test_ter_splits_chinese():
    metric = Ter(TerConfig(language="zh"))
    assert metric.score(["明天北京下雪"], ["今天北京下雪"]).value == pytest.approx(100 / 6)
    assert "asian:yes" in metric.signature
    with pytest.raises(UserError, match="say the language"):
        Ter().score(["明天北京下雪"], ["今天北京下雪"])
