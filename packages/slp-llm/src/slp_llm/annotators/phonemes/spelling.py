"""English letters to sounds, for words that no dictionary has."""

from __future__ import annotations

from collections.abc import Iterator

#: the names of letters: how a word without a vowel is said
NAMES = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY",
    "h": "EY CH", "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N",
    "o": "OW", "p": "P IY", "q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW",
    "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S", "y": "W AY", "z": "Z IY",
}  # fmt: skip

#: at the beginning of a word, in the middle of it, at its end: the longest is taken
_FIRST = {"kn": "N", "wr": "R", "ps": "S", "x": "Z", "y": "Y", "mc": "M AH K"}
_LAST = {"e": "", "es": "Z", "ed": "D", "le": "AH L", "y": "IY", "o": "OW", "a": "AH", "i": "IY"}
_ANYWHERE = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "igh": "AY", "tch": "CH",
    "sch": "SH", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "gh": "G", "ck": "K",
    "dg": "JH", "ng": "NG", "nk": "NG K", "qu": "K W",
    "ee": "IY", "ea": "IY", "ie": "IY", "ei": "AY", "ai": "EY", "ay": "EY", "ey": "IY",
    "oo": "UW", "ou": "AW", "ow": "OW", "oa": "OW", "oi": "OY", "oy": "OY", "au": "AO",
    "aw": "AO", "ew": "UW", "eu": "UW", "ue": "UW",
    "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R",
    "ce": "S EH", "ci": "S IH", "cy": "S IY", "ge": "JH EH",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH",
    "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R",
    "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IH", "z": "Z",
}  # fmt: skip
_VOWELS = frozenset("aeiouy")


def sounds(word: str) -> list[str]:
    """The phonemes of a word of the letters a to z, by rule: letters from left to right, the
    longest group first, a doubled consonant once, no final e. A word without vowel is spelled.
    """
    if not _VOWELS & set(word):
        return " ".join(NAMES[letter] for letter in word).split()
    return " ".join(_groups(word)).split()


def _groups(word: str) -> Iterator[str]:
    at = 0
    while at < len(word):
        for size in range(4, 0, -1):
            group, rest = word[at : at + size], word[at + size :]
            found = _ANYWHERE.get(group)
            if at == 0 and rest:
                found = _FIRST.get(group, found)
            if not rest and _VOWELS & set(word[:at]):
                found = _LAST.get(group, found)
            if len(group) == size and found is not None:
                break
        yield found or ""
        at += size
        while group not in _VOWELS and len(group) == 1 and word[at : at + 1] == group:
            at += 1
