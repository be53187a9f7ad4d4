"""Parts of speech: rules on a spaCy pipeline whose tags are written by hand."""

from __future__ import annotations

import sys

import pytest
import spacy
from annotating import annotate, made

from slp_core.errors import UserError
from slp_llm.annotators.letters.spec import SPEC as LETTERS
from slp_llm.annotators.pseudo_gloss.spec import SPEC as PSEUDO_GLOSS

#: word: (part of speech, lemma)
WORDS = {
    "Am": ("ADP", "an"), "Montag": ("NOUN", "Montag"), "regnet": ("VERB", "regnen"),
    "es": ("PRON", "es"), "nicht": ("PART", "nicht"), "in": ("ADP", "in"),
    "Köln": ("PROPN", "Köln"), "und": ("CCONJ", "und"), "Bad": ("PROPN", "Bad"),
    "Ems": ("PROPN", "Ems"), "drei": ("NUM", "drei"), "kalte": ("ADJ", "kalt"),
    "Tage": ("NOUN", "Tag"), "heute": ("ADV", "heute"), "die": ("DET", "der"),
    "wird": ("AUX", "werden"), "ach": ("INTJ", "ach"), ".": ("PUNCT", "."),
}  # fmt: skip
SENTENCES = {
    "Am Montag regnet es nicht in Köln.": ("montag regnen es köln", "KÖLN"),
    "heute wird die kalte Tage und drei Bad Ems .": ("heute kalt tag drei bad ems", "BAD EMS"),
    "ach .": ("", ""),
    "": ("", ""),
}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> str:
    """A German pipeline that knows the words above; saved, as spaCy's own are."""
    made = spacy.blank("de")
    ruler = made.add_pipe("attribute_ruler")
    for word, (pos, lemma) in WORDS.items():
        ruler.add([[{"TEXT": word}]], {"POS": pos, "LEMMA": lemma})
    made.meta["version"] = "1.2"
    folder = tmp_path_factory.mktemp("spacy") / "hand"
    made.to_disk(folder)
    return str(folder)


def test_pseudo_glosses_are_the_lemmas_that_sign2gpt_keeps(pipeline):
    annotator = made(PSEUDO_GLOSS, model=pipeline)
    assert annotate(annotator, *SENTENCES) == [gloss for gloss, _ in SENTENCES.values()]
    facts = annotator.provenance()
    assert facts["spacy"] == spacy.__version__ and facts[pipeline] == "1.2"


def test_case_as_the_pipeline_has_it(pipeline):
    annotator = made(PSEUDO_GLOSS, model=pipeline, lower=False, column="gloss", source="text")
    assert annotator.columns == ("gloss",)
    assert annotate(annotator, "Am Montag regnet es.") == ["Montag regnen es"]


def test_a_pipeline_without_lemmas_gives_the_words(tmp_path):
    """Sign2GPT takes the words of CSL-Daily, whose pipeline knows no lemmas."""
    bare = spacy.blank("zh")
    bare.add_pipe("attribute_ruler").add([[{"TEXT": "雨"}]], {"POS": "NOUN"})
    bare.to_disk(tmp_path / "zh")
    assert annotate(made(PSEUDO_GLOSS, model=str(tmp_path / "zh")), "下雨") == ["雨"]


def test_letters_are_of_proper_nouns(pipeline):
    annotator = made(LETTERS, model=pipeline)
    assert annotate(annotator, *SENTENCES) == [letters for _, letters in SENTENCES.values()]


@pytest.mark.parametrize("spec", [PSEUDO_GLOSS, LETTERS])
def test_what_is_missing_is_said_with_the_command(spec, tmp_path, monkeypatch):
    spacy.blank("de").to_disk(tmp_path / "blank")
    with pytest.raises(UserError, match="tags no parts of speech"):
        annotate(made(spec, model=str(tmp_path / "blank")), "regnet")
    absent = '"de_core_news_lg" is not installed.*python -m spacy download de_core_news_lg'
    with pytest.raises(UserError, match=absent):
        annotate(made(spec, language="de"), "regnet")
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(UserError, match=r"uv pip install 'slp-llm\[spacy\]'"):
        annotate(made(spec, language="de"), "regnet")
