"""What a recipe may write about the letters of names."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import min_len

from slp_core.spec import ComponentSpec
from slp_llm.annotators.tagging import check_pipeline


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class LettersConfig:
    rule: Literal["part-of-speech", "capitals", "list"] = field(
        default="part-of-speech",
        metadata=_help(
            "which words are names: spaCy's proper nouns; words with a capital that begin no "
            "sentence (English); those of a list"
        ),
    )
    language: str = field(
        default="", metadata=_help("part-of-speech: de, en or zh choose a pipeline")
    )
    model: str = field(
        default="", metadata=_help("part-of-speech: a pipeline of spaCy's, by name or folder")
    )
    names: str | list[str] = field(
        default="", metadata=_help("list: the names, or a text file of them, one a line")
    )
    source: str = field(default="", metadata=_help("the column that is read [the target]"))
    column: str = field(
        default="letters", validator=min_len(1), metadata=_help("the column that is added")
    )

    def __attrs_post_init__(self) -> None:
        if self.rule == "part-of-speech":
            check_pipeline(self.model, self.language)
        elif self.model:
            raise ValueError(f"`model` has no effect on {self.rule}")
        if bool(self.names) != (self.rule == "list"):
            has = "needs `names`" if self.rule == "list" else "takes no `names`; write rule = list"
            raise ValueError(f"{self.rule} {has}")
        if self.rule == "capitals" and self.language not in ("", "en"):
            raise ValueError(f'capitals tell names in English ("en"), not in "{self.language}"')


SPEC = ComponentSpec(
    kind="annotator",
    config=LettersConfig,
    factory="slp_llm.annotators.letters.model:Letters",
    summary="The letters of a sentence's names, which are fingerspelled",
    paper="arXiv:2509.00030",
    example={"language": "de"},
    trial="slp_llm.trials:letters",
)
