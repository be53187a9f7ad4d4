"""Which capitals tell a name, in languages that write all other words small (English, not German).

The annotator ``letters`` finds names by it in sentences that a person wrote, the check of names in
what a language model says.
"""

from __future__ import annotations

import re

_BEGINS = re.compile(r"(?:^|[.!?:]\s)[\s\"'“”„»«‚‘(¿¡–—-]*$")  # what stands before a sentence
_PRONOUN = re.compile(r"I(?:['’].*)?")
_NOUNS = {"de", "gsw", "lb", "nds"}  # languages that write every noun with a capital


def tells_names(language: str) -> bool:
    """Whether a capital tells a name in a language ("en", "de-AT"); of none ("") nobody knows."""
    return re.split("[-_]", language.lower())[0] not in {"", *_NOUNS}


def has_capital(word: str) -> bool:
    """Whether a word begins with a capital, and is not "I"."""
    return word[0].isupper() and not _PRONOUN.fullmatch(word)


def begins_sentence(word: re.Match[str]) -> bool:
    """Whether a word stands where any has a capital: a name there cannot be told by it."""
    return _BEGINS.search(word.string[: word.start()]) is not None
