"""Pseudo-glosses: what a sentence would look like if its signs were written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from slp_core.context import Context
from slp_llm.annotators.answers import Answers
from slp_llm.annotators.pseudo_gloss.language_model import Asked
from slp_llm.annotators.pseudo_gloss.spec import PseudoGlossConfig
from slp_llm.annotators.pseudo_gloss.stop_words import STOP_WORDS
from slp_llm.annotators.tagging import Tagger, pipeline_of
from slp_llm.annotators.text import TextAnnotator

#: the parts of speech that Sign2GPT keeps (Wong et al., arXiv:2405.04164, section 3.3)
KEPT = frozenset({"NOUN", "NUM", "ADV", "PRON", "PROPN", "ADJ", "VERB"})
_WORD = re.compile(r"\w+(?:[-'’]\w+|[.,]\d+)*")


class PseudoGloss(TextAnnotator):
    """The words of a sentence that are likely to be signed, in the order of the sentence.

    - ``part-of-speech``: the lemmas of the content words (:data:`KEPT`), as Sign2GPT has them;
      where a pipeline knows no lemmas (Chinese), the words.
    - ``language-model``: the first line of the answer of a causal language model (SignBind-LLM,
      arXiv:2509.00030, asks GPT-4o), free of punctuation about its words. Answers are kept in the
      folder, by model, prompt and sentence, so that none is asked for twice.
    - ``stop-words``: the words but for a short list of function words.

    A sentence without any such word has "".
    """

    config: PseudoGlossConfig

    def __init__(self, config: PseudoGlossConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        if config.rule == "part-of-speech":
            self._helper: Tagger | Asked | None = Tagger(
                "pseudo-gloss", pipeline_of(config.model, config.language)
            )
        else:
            self._helper = Asked(config) if config.rule == "language-model" else None

    def say(self, sentences: list[str], folder: Path) -> Iterator[str]:
        if isinstance(self._helper, Tagger):
            found = self._content_words(self._helper, sentences)
        elif isinstance(self._helper, Asked):
            found = self._answers(self._helper, sentences, folder)
        else:
            found = map(self._without_stop_words, sentences)
        for words in found:
            gloss = " ".join(" ".join(words).split())
            yield gloss.lower() if self.config.lower else gloss

    def provenance(self) -> dict[str, str]:
        return {} if self._helper is None else self._helper.provenance()

    def _content_words(self, tagger: Tagger, sentences: list[str]) -> Iterator[list[str]]:
        for tokens in tagger.tag(sentences):
            yield [token.lemma_ or token.text for token in tokens if token.pos_ in KEPT]

    def _without_stop_words(self, sentence: str) -> list[str]:
        stops = STOP_WORDS[self.config.language]
        return [word for word in _WORD.findall(sentence) if word.lower() not in stops]

    def _answers(self, model: Asked, sentences: list[str], folder: Path) -> Iterator[list[str]]:
        answers = Answers(folder, model.identity)
        asked = [one for one in dict.fromkeys(sentences) if one.strip() and one not in answers]
        for sentence in sentences:
            if sentence.strip() and sentence not in answers:
                batch, asked = asked[: self.config.batch], asked[self.config.batch :]
                for one, answer in zip(batch, model.answer(batch), strict=True):
                    answers.give(one, answer)
            yield _glosses(answers[sentence]) if sentence.strip() else []


def _glosses(answer: str) -> list[str]:
    lines = answer.strip().splitlines()
    return _WORD.findall(lines[0]) if lines else []
