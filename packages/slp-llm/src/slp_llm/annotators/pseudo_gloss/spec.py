"""What a recipe may write about pseudo-glosses."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, min_len

from slp_core.spec import ComponentSpec
from slp_llm.annotators.pseudo_gloss.stop_words import STOP_WORDS
from slp_llm.annotators.tagging import check_pipeline

PROMPT = (
    "Write this sentence as a sequence of sign language glosses: the words that carry meaning, in "
    "their base form, without articles, prepositions and auxiliary verbs. Answer with the glosses "
    "alone, separated by blanks.\nSentence: {text}\nGlosses:"
)


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class PseudoGlossConfig:
    rule: Literal["part-of-speech", "language-model", "stop-words"] = field(
        default="part-of-speech",
        metadata=_help(
            "keep the lemmas of content words (spaCy), ask a language model, or drop function "
            "words (the words themselves, no lemmas; needs nothing)"
        ),
    )
    language: str = field(
        default="",
        metadata=_help(
            "of the sentences; part-of-speech: de, en or zh choose a pipeline, stop-words: de or en"
        ),
    )
    model: str = field(
        default="",
        metadata=_help(
            "part-of-speech: a pipeline of spaCy's; language-model: a causal language model. A "
            "name or a folder"
        ),
    )
    prompt: str = field(
        default=PROMPT, metadata=_help("what the language model is asked, with {text}")
    )
    max_new_tokens: int = field(
        default=64, validator=ge(1), metadata=_help("longest answer of the language model")
    )
    batch: int = field(
        default=8, validator=ge(1), metadata=_help("sentences that it is asked at a time")
    )
    dtype: Literal["float32", "bfloat16"] = field(
        default="float32", metadata=_help("of the language model's weights")
    )
    source: str = field(default="", metadata=_help("the column that is read [the target]"))
    column: str = field(
        default="pseudo_gloss", validator=min_len(1), metadata=_help("the column that is added")
    )
    lower: bool = field(default=True, metadata=_help("write glosses in lower case"))

    def __attrs_post_init__(self) -> None:
        if self.rule == "part-of-speech":
            check_pipeline(self.model, self.language)
        if self.rule == "stop-words" and self.language not in STOP_WORDS:
            known = ", ".join(STOP_WORDS)
            raise ValueError(f'stop-words: `language` is one of: {known}; not "{self.language}"')
        if self.rule == "stop-words" and self.model:
            raise ValueError("`model` has no effect on stop-words")
        if self.rule == "language-model" and not self.model:
            raise ValueError("language-model: `model` names none")
        if "{text}" not in self.prompt:
            raise ValueError("prompt: {text} is missing, the place of the sentence")


SPEC = ComponentSpec(
    kind="annotator",
    config=PseudoGlossConfig,
    factory="slp_llm.annotators.pseudo_gloss.model:PseudoGloss",
    summary="Glosses from sentences: content words' lemmas, or a language model's answer",
    paper="arXiv:2405.04164",
    example={"language": "de"},
    trial="slp_llm.trials:pseudo_gloss",
)
