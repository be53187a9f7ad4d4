"""Whether the names of a translation are those that were spelled.

A language model writes the names that it knows; a fingerspelling expert reads the letters that
were there. Where the two disagree, the reader is told, and offered the spelled name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING
from unicodedata import normalize

from attrs import frozen

from slp_llm.capitals import begins_sentence, has_capital, tells_names

if TYPE_CHECKING:
    from slp_core.ctc import Transcriber
    from slp_core.parts import Note
    from slp_core.pipeline import Pipeline

LETTERS = "letters"  #: the column of what is spelled
NEAR = 0.5  #: edits by the letters of the longer word, to resemble each other

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@frozen
class Finding:
    """A spelled word and the name that stands in its place, either of which may be missing;
    ``offer``: how the spelled word would be written there, if it is offered."""

    spelled: str | None
    said: str | None
    offer: str | None = None

    def __str__(self) -> str:
        if self.said is None:
            return f'"{self.spelled}" was spelled, and no name in the text can be it'
        if self.spelled is None:
            return f'"{self.said}" is a name that was not spelled'
        offered = "offered instead" if self.offer else "a misreading, or another name"
        return f'"{self.spelled}" was spelled where the text has "{self.said}": {offered}'


@frozen
class NameCheck:
    """What was found, and the text with all that is offered; None where nothing is."""

    findings: tuple[Finding, ...]
    offer: str | None


def check_names(
    text: str, letters: str, names: Iterable[str] = (), language: str = ""
) -> NameCheck:
    """Hold the names of a text against what was spelled.

    ``letters``: what the expert read, a blank between two words; ``names``: those that are known,
    in any case; ``language``: of the text ("en"), "" where nobody says. Words are compared without
    case, accents and apostrophes and with doubled letters as one, because CTC loses these: ANA is
    Anna. Single letters are passed over.

    1. A spelled word that is in the text supports it there: nothing is found.
    2. Names of the text may be its words with a capital, but "I"; where it is all in small
       letters or all in capitals, the known names. Each other spelled word takes the nearest of
       those that nothing supports, by edit distance divided by the longer length; the nearest
       pairs first. A known name is taken at any distance, another word with a capital at most at
       0.5.
    3. The spelled word is offered in its place, as a known name is spelled where it is one. It is
       not offered where it is unknown and resembles (0.5) a known name: it may be misread.
    4. A spelled word that finds no name is told. So is a name that is left over: a known one, or,
       where none are known, a word with a capital that does not begin a sentence, unless the
       language writes every noun with one (German) or nobody says which it is.
    """
    known = _by_sound(tuple(names))
    by_capital = not known and tells_names(language)
    exactly = {name.casefold() for alike in known.values() for name in alike}
    matches = [match for match in _WORD.finditer(text) if len(match[0]) > 1]
    cased = not (text.islower() or text.isupper())
    spelled = [word for word in dict.fromkeys(letters.split()) if len(word) > 1]
    heard, said = {_sound(word) for word in spelled}, {_sound(match[0]) for match in matches}

    def capital(match: re.Match[str]) -> bool:
        return cased and has_capital(match[0])

    def named(match: re.Match[str]) -> bool:
        return match[0].casefold() in exactly and (capital(match) or not cased)

    doubtful = {
        match[0]: match
        for match in reversed(matches)  # the first of each
        if _sound(match[0]) not in heard and (named(match) or capital(match))
    }
    pairs = sorted(
        (_distance(_sound(word), _sound(match[0])), number, match.start(), word, match)
        for number, word in enumerate(spelled)
        if _sound(word) not in said
        for match in doubtful.values()
    )
    taken: dict[str, Finding] = {}
    placed: dict[str, Finding] = {}
    for distance, _, _, word, match in pairs:
        near = distance <= NEAR
        if word in placed or match[0] in taken or not (near or named(match)):
            continue
        misread = near and named(match) and _sound(word) not in known
        offer = None if misread else _written(word, match[0], known)
        placed[word] = taken[match[0]] = Finding(word, match[0], offer)
    findings = [
        placed.get(word) or Finding(word, None) for word in spelled if _sound(word) not in said
    ]
    findings += [
        Finding(None, word)
        for word, match in sorted(doubtful.items(), key=lambda one: one[1].start())
        if word not in taken and (named(match) or (by_capital and not begins_sentence(match)))
    ]
    offers = {one.said: one.offer for one in findings if one.said and one.offer}
    edited = _WORD.sub(lambda match: offers.get(match[0], match[0]), text)
    return NameCheck(tuple(findings), edited if offers else None)


def notes_of(text: str, letters: str, names: Iterable[str] = (), language: str = "") -> list[Note]:
    """What :func:`check_names` found, as one note about "names" or none."""
    from slp_core.parts import Note

    found = check_names(text, letters, names, language)
    if not found.findings:
        return []
    return [Note("names", "; ".join(map(str, found.findings)), found.offer)]


def spellers(pipeline: Pipeline) -> dict[str, Transcriber]:
    """The experts of a pipeline that read fingerspelling, by their paths."""
    from slp_core.ctc import Transcriber

    return {
        path: part
        for path, part in pipeline.named_modules()
        if isinstance(part, Transcriber) and part.column == LETTERS
    }


def known_names(experts: Iterable[Transcriber]) -> Iterator[str]:
    """The words that the training rows of fingerspelling experts spelled."""
    for part in experts:
        yield from part.units.words


@lru_cache(maxsize=4)
def _by_sound(names: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(_sound(name), []).append(name)
    return found


def _sound(word: str) -> str:
    """What is compared: letters without case and accents, none twice in a row."""
    letters = filter(str.isalpha, normalize("NFD", word.casefold()))
    return "".join(letter for letter, _ in groupby(letters))


def _distance(a: str, b: str) -> float:
    """Levenshtein's edits, by the length of the longer."""
    row = [*range(len(b) + 1)]
    for above, one in enumerate(a, start=1):
        corner, row[0] = row[0], above
        for place, other in enumerate(b, start=1):
            edits = min(row[place] + 1, row[place - 1] + 1, corner + (one != other))
            corner, row[place] = row[place], edits
    return row[-1] / max(len(a), len(b), 1)


def _written(word: str, said: str, known: dict[str, list[str]]) -> str:
    """The spelled word, or the known name that it is, in the case of what it replaces."""
    alike = known.get(_sound(word), [word])
    name = min(alike, key=lambda one: _distance(one.casefold(), word.casefold()))
    if said.islower():
        return name.lower()
    return name.upper() if said.isupper() and len(said) > 1 else name.capitalize()
