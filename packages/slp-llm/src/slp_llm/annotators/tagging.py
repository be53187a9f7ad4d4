"""Parts of speech, by spaCy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from slp_core.errors import UserError

#: by language: the pipelines of Sign2GPT (arXiv:2405.04164), and its smallest for English
PIPELINES = {"de": "de_core_news_lg", "en": "en_core_web_sm", "zh": "zh_core_web_sm"}
#: what is not needed to tag and to find lemmas
_LEFT_OUT = ["parser", "ner"]


class Tagger:
    """A spaCy pipeline, by name or folder, opened when the first sentence comes.

    Raises:
        UserError: spaCy or the pipeline is not installed, or it tags no parts of speech.
    """

    def __init__(self, annotator: str, name: str) -> None:
        self.annotator = annotator
        self.name = name
        self._pipeline: Any = None

    def tag(self, sentences: Sequence[str]) -> Iterator[list[Any]]:
        """The tokens of every sentence: spaCy's, with ``text``, ``lemma_`` and ``pos_``."""
        if self._pipeline is None:
            self._pipeline = self._open()
        for document in self._pipeline.pipe(sentences):
            if len(document) and not document.has_annotation("POS"):
                raise UserError(f'{self.annotator}: spaCy\'s "{self.name}" tags no parts of speech')
            yield list(document)

    def provenance(self) -> dict[str, str]:
        if self._pipeline is None:
            return {}
        meta = self._pipeline.meta
        return {"spacy": version("spacy"), self.name: str(meta.get("version", ""))}

    def _open(self) -> Any:
        try:
            import spacy
        except ModuleNotFoundError as error:
            raise UserError(
                f"{self.annotator}: parts of speech need spaCy: uv pip install 'slp-llm[spacy]'"
            ) from error
        try:
            return spacy.load(self.name, exclude=_LEFT_OUT)
        except OSError as error:
            raise UserError(
                f'{self.annotator}: spaCy\'s pipeline "{self.name}" is not installed, nor a folder '
                f"that holds one: python -m spacy download {self.name}"
            ) from error


def pipeline_of(model: str, language: str) -> str:
    """The pipeline a configuration names: ``model``, or the one of ``language``."""
    return model or PIPELINES[language]


def check_pipeline(model: str, language: str) -> None:
    """Raise a ValueError unless a configuration names a pipeline."""
    if not model and language not in PIPELINES:
        known = ", ".join(PIPELINES)
        said = f'"{language}" has none of its own here' if language else "neither is written"
        raise ValueError(
            f"either `language` ({known}) or `model`, a pipeline of spaCy's, is needed; {said}"
        )
