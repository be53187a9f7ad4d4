"""Which words are names, and their letters."""

from __future__ import annotations

import pytest
from annotating import annotate, assert_light, made, problem
from hypothesis import given
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_llm.annotators.letters.model import letters_of
from slp_llm.annotators.letters.spec import SPEC

CAPITALS = {
    "yesterday Anna met Bob .": "ANNA BOB",
    "Anna met Bob in New York.": "BOB NEW YORK",  # the word that begins is not known to be a name
    "It rains. Anna stays, Bob goes!": "BOB",
    'He said: "Stop!" to Zoë.': "ZOË",
    "Did I say I'm in the U.S.?": "US",
    "the O'Briens and Jean-Luc": "OBRIENS JEAN LUC",
    "WE GO TO PARIS": "",  # capitals alone tell nothing
    "no name here": "",
    "": "",
}


def test_capitals():
    assert annotate(made(SPEC, rule="capitals"), *CAPITALS) == list(CAPITALS.values())


def test_a_list(tmp_path):
    names = ["Anna", "New York", "York", "Straße"]
    expected = {
        "ANNA goes to new york": "ANNA NEW YORK",
        "York is not New": "YORK",
        "die Straße": "STRASSE",
        "Annas": "",
    }
    file = tmp_path / "names.txt"
    file.write_text("\n".join(names) + "\n\n")
    for given_as in (names, str(file)):
        annotator = made(SPEC, rule="list", names=given_as)
        assert annotate(annotator, *expected) == list(expected.values())
    with pytest.raises(UserError, match="absent.txt is no readable text"):
        annotate(made(SPEC, rule="list", names="absent.txt"), "Anna")


@given(st.text())
def test_letters_are_capitals_between_single_blanks(word):
    said = letters_of(word)
    assert said == " ".join(said.split()) and said == said.upper()
    assert all(letter.isalpha() or letter == " " for letter in said)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "either `language` (de, en, zh) or `model`"),
        ({"language": "sw"}, '"sw" has none of its own here'),
        ({"rule": "list"}, "list needs `names`"),
        ({"rule": "capitals", "names": ["a"]}, "capitals takes no `names`"),
        ({"rule": "capitals", "language": "de"}, 'in English ("en"), not in "de"'),
        ({"rule": "capitals", "model": "de_core_news_lg"}, "`model` has no effect"),
        ({"rule": "list", "nams": []}, 'did you mean "names"?'),
    ],
)
def test_a_bad_table_is_refused(table, said):
    assert said in problem(SPEC, **table)


def test_nothing_heavy_is_imported():
    assert_light("slp_llm.annotators.letters.spec")
