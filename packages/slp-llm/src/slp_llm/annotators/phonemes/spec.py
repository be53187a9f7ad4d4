"""What a recipe may write about phonemes."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import min_len

from slp_core.spec import ComponentSpec


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class PhonemesConfig:
    language: Literal["en"] = field(
        default="en", metadata=_help("of the sentences; CMUdict speaks American English alone")
    )
    source: str = field(default="", metadata=_help("the column that is read [the target]"))
    column: str = field(
        default="phonemes", validator=min_len(1), metadata=_help("the column that is added")
    )


SPEC = ComponentSpec(
    kind="annotator",
    config=PhonemesConfig,
    factory="slp_llm.annotators.phonemes.model:Phonemes",
    summary="English sentences in CMUdict's 39 phonemes, which lips speak",
    paper="arXiv:2509.00030",
    trial="slp_llm.trials:phonemes",
)
