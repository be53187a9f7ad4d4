"""Of the beams, the text that is nearest to all of them is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu import CHRF

from slp_core.errors import UserError
from slp_core.parts import Translation
from slp_llm.decoders.config import Generation
from slp_llm.decoders.minimum_risk import by_risk, chrf_between
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig


def text(said: str, *worths: float) -> Translation:
    return Translation(said, 0.5, tuple(("piece", worth) for worth in worths))


FOUND = [
    text("es regnet", 0.5, 0.5),
    text("am abend schneit es", 0.5, 0.4),
    text("am abend regnet es", 0.3, 0.3),
    text("am abend regnet", 0.2, 0.2),
]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 3.0])
def test_it_is_the_expected_chrf_written_out(power):
    chrf = CHRF()
    weights = [one.probability**power for one in FOUND]

    def expected(said):
        near = [chrf.sentence_score(said.text, [one.text]).score for one in FOUND]
        return sum(w * c for w, c in zip(weights, near, strict=True)) / sum(weights)

    found = by_risk(FOUND, power)
    assert found == sorted(FOUND, key=expected, reverse=True)
    gains = [expected(one) for one in found]
    assert gains == sorted(gains, reverse=True) and len(set(gains)) == len(gains)


@given(st.lists(st.text("abc äß.", max_size=9), min_size=1, max_size=6))
def test_all_are_compared_as_sacrebleu_compares_two(texts):
    chrf = CHRF()
    two_by_two = [[chrf.sentence_score(said, [one]).score for one in texts] for said in texts]
    np.testing.assert_allclose(chrf_between(texts), two_by_two, rtol=0, atol=1e-9)


def test_of_what_is_worth_the_same_the_likeliest_stays_before():
    found = [text("es regnet", 0.5), text("es regnet", 0.4), text("es regnet", 0.3)]
    assert by_risk(found, 1.0) == found


def test_what_all_agree_on_goes_before_what_is_likeliest():
    assert by_risk(FOUND, 0.0)[0].text == "am abend regnet es"
    assert by_risk(FOUND, 9.0)[0].text == "es regnet"


def test_a_text_that_is_beyond_all_doubt_unlikely_is_no_fault():
    assert by_risk([text("a", 0.0, 0.0), text("b", 1e-300)], 1.0)[0].text in {"a", "b"}


def test_a_search_says_it_and_tells_the_rest(scratch, sequence, tokens_of):
    decoder = scratch()
    lengths = (4, 2, 6, 3, 5, 7, 1, 8)
    signs, tokens = sequence(*lengths), tokens_of(decoder, *[{}] * len(lengths))

    def say(**options):
        return decoder.generate(signs, tokens, num_beams=8, max_new_tokens=8, **options)

    beams, told = say(alternatives=7), say(alternatives=7, mbr=0.5)
    changed = 0
    for before, after in zip(beams, told, strict=True):
        ranked = by_risk([before, *before.alternatives], 0.5)
        assert [one.text for one in (after, *after.alternatives)] == [one.text for one in ranked]
        assert all(one.alternatives == () for one in after.alternatives)
        changed += after.text != before.text
    assert changed, "the beams of this model differ"
    for many in (0, 1, 3):
        fewer = say(alternatives=many, mbr=0.5)
        assert [one.text for one in fewer] == [one.text for one in told]
        assert all(len(one.alternatives) <= many for one in fewer)


def test_it_wants_beams():
    with pytest.raises(ValueError, match="mbr has no effect with num_beams = 1"):
        Seq2SeqConfig(scratch=Scratch(), generation=Generation(num_beams=1, mbr=0.5))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"mbr": -1.0}, "mbr"), ({"mbr": 0.5, "num_beams": 1}, "no effect with num_beams = 1")],
)
def test_an_option_that_means_nothing_is_refused(options, said, scratch, sequence, tokens_of):
    decoder = scratch()
    with pytest.raises(UserError, match=said):
        decoder.generate(sequence(3), tokens_of(decoder, {}), **options)


def test_the_recipes_power_is_for_beams_alone(scratch, sequence, tokens_of):
    plain, powerful = scratch(), scratch(generation=Generation(num_beams=4, mbr=0.5))
    (said,), (alone,) = (
        decoder.generate(sequence(3), tokens_of(decoder, {}), num_beams=1)
        for decoder in (plain, powerful)
    )
    assert alone == said
