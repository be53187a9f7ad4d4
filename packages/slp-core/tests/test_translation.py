"""What a search found, as one translation."""

from __future__ import annotations

import pytest

from slp_core.parts import Translation


def said(text: str, *worth: float) -> Translation:
    return Translation(text, 0.5, tuple((text, one) for one in worth))


def test_the_first_of_each_text_is_kept_in_the_order_of_the_search():
    found = [said("rain", 0.5), said("snow", 0.4), said("rain", 0.9), said("sun"), said("snow")]
    best = Translation.best(iter(found))
    assert best.text == "rain" and best.tokens == found[0].tokens
    assert best.alternatives == (found[1], found[3])
    assert Translation.best(found[:1]) == found[0]


def test_a_text_is_as_likely_as_its_tokens_together():
    assert said("rain", 0.5, 0.5, 0.4).probability == pytest.approx(0.1)
    assert said("").probability == 1
