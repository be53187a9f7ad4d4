"""Units of text in any script: words, tokens, letters; and what a language code stands for.

Text is composed first (Unicode NFC), so that an umlaut is one letter however it was typed.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize

import regex  # type: ignore[import-untyped]

# Scripts written without spaces between words: each character stands alone.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORD = rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+"
_WORDS = regex.compile(_WORD, regex.V1)
_TOKENS = regex.compile(rf"{_WORD}|[\p{{P}}\p{{S}}]", regex.V1)
_UNSPACED_LETTERS = regex.compile(rf"[{_UNSPACED}]")
_ALL_LETTERS = regex.compile(r"\p{L}")
_VISIBLE = regex.compile(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]")
_GRAPHEMES = regex.compile(r"\X")

_ISO_639_1 = {"chi": "zh", "cmn": "zh", "jpn": "ja", "kor": "ko", "yue": "zh", "zho": "zh"}


def words(text: str, lowercase: bool = False) -> list[str]:
    """Runs of letters and digits; Chinese and Japanese by the character; no punctuation."""
    return _WORDS.findall(_prepare(text, lowercase))


def tokens(text: str, lowercase: bool = False) -> list[str]:
    """The words, and each punctuation mark or symbol by itself."""
    return _TOKENS.findall(_prepare(text, lowercase))


def letters(text: str, lowercase: bool = False) -> list[str]:
    """Every visible character, marks joined to the letter that carries them; no spaces."""
    return [c for c in _GRAPHEMES.findall(_prepare(text, lowercase)) if _VISIBLE.search(c)]


def whitespace_words(text: str, lowercase: bool = False) -> list[str]:
    """What stands between spaces, punctuation included."""
    return _prepare(text, lowercase).split()


def is_blank(text: str) -> bool:
    """Whether nothing in the text can be seen."""
    return not _VISIBLE.search(text)


def is_unspaced(texts: Iterable[str]) -> bool:
    """Whether most letters are of Chinese or Japanese script."""
    joined = "".join(texts)
    return 2 * len(_UNSPACED_LETTERS.findall(joined)) > len(_ALL_LETTERS.findall(joined))


def primary_language(language: str | None) -> str:
    """``"de-CH"``, ``"zho_Hans"``, ``"__zh__"`` to ``"de"``, ``"zh"``, ``"zh"``; None to ``""``."""
    code = (language or "").lower().replace("_", "-").strip("-").split("-")[0]
    return _ISO_639_1.get(code, code)


def _prepare(text: str, lowercase: bool) -> str:
    text = normalize("NFC", text)
    return normalize("NFC", text.lower()) if lowercase else text
