"""What a column is written in, and what a path through CTC's classes says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_core.ctc import Units, collapse


def test_the_most_frequent_units_are_known():
    units = Units.learn(["b a b", "c b a", "d"], size=3)
    assert units.known == ("b", "a", "c")
    assert len(units) == 5
    assert units.encode("a d b") == [3, 1, 2]
    assert units.decode([3, 0, 1, 2]) == "a b"
    assert Units.learn(["b a b", "c b a"], min_count=2).known == ("b", "a")


def test_characters_hold_blanks():
    units = Units.learn(["ANNA ZOE "], "char")
    assert units.decode(units.encode("ZOE ANNA")) == "ZOE ANNA"
    assert units.encode("") == []


@pytest.mark.parametrize("kind", ["word", "char"])
def test_they_are_found_again(kind, tmp_path):
    units = Units.learn(["grün ist  es", "über"], kind)
    units.save(tmp_path)
    assert Units.load(tmp_path) == units


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_path_says_its_runs_but_the_blank_ones(path):
    said = [one for place, one in enumerate(path) if place == 0 or path[place - 1] != one]
    assert collapse(path) == [one for one in said if one != 0]
