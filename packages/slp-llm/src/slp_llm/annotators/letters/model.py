"""The letters of a sentence's names: what is likely to be fingerspelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from unicodedata import normalize

from slp_core.context import Context
from slp_core.errors import UserError
from slp_llm.annotators.letters.spec import LettersConfig
from slp_llm.annotators.tagging import Tagger, pipeline_of
from slp_llm.annotators.text import TextAnnotator
from slp_llm.capitals import begins_sentence, has_capital

_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")


class Letters(TextAnnotator):
    """Names in capital letters, a blank between two words, "" where there is no name.

    Letters of any alphabet count; what is none (digits, apostrophes, dots) is left out, and a
    hyphen separates words. Which words are names:

    - ``part-of-speech``: the proper nouns (PROPN) of a spaCy pipeline;
    - ``capitals``: in English, words with a capital first that begin no sentence, but for "I". A
      name that begins a sentence is missed, and so are all in a text of capitals alone;
    - ``list``: the names of a list, of one word or several, however they are capitalised.
    """

    config: LettersConfig

    def __init__(self, config: LettersConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self._tagger: Tagger | None = None
        if config.rule == "part-of-speech":
            self._tagger = Tagger("letters", pipeline_of(config.model, config.language))

    def say(self, sentences: list[str], folder: Path) -> Iterator[str]:
        if self._tagger is not None:
            found: Iterator[list[str]] = (
                [token.text for token in tokens if token.pos_ == "PROPN"]
                for tokens in self._tagger.tag(sentences)
            )
        else:
            rule = capitalised if self.config.rule == "capitals" else self._listed()
            found = map(rule, sentences)
        for words in found:
            yield " ".join(filter(None, map(letters_of, words)))

    def provenance(self) -> dict[str, str]:
        return {} if self._tagger is None else self._tagger.provenance()

    def _listed(self) -> Callable[[str], list[str]]:
        names = self.config.names
        if isinstance(names, str):
            try:
                names = Path(names).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise UserError(f"letters: names: {names} is no readable text: {error}") from error
        known = {tuple(_WORD.findall(name.lower())) for name in names if name.strip()}
        longest = max(map(len, known), default=0)

        def find(sentence: str) -> list[str]:
            words, found, at = _WORD.findall(sentence), list[str](), 0
            while at < len(words):
                sizes = range(longest, 0, -1)
                spans = (words[at : at + size] for size in sizes)
                name = next((s for s in spans if tuple(w.lower() for w in s) in known), [])
                found += name
                at += len(name) or 1
            return found

        return find


def letters_of(word: str) -> str:
    """``Zoë's`` to ``ZOËS``, ``Jean-Luc`` to ``JEAN LUC``."""
    parts = normalize("NFC", word).upper().split("-")
    return " ".join(filter(None, ("".join(filter(str.isalpha, part)) for part in parts)))


def capitalised(sentence: str) -> list[str]:
    """The words of an English sentence whose capital no beginning explains."""
    if not any(map(str.islower, sentence)):
        return []
    words = _WORD.finditer(sentence)
    return [word[0] for word in words if has_capital(word[0]) and not begins_sentence(word)]
