"""What only the author of a pipeline knows: ``card.toml`` in the run's folder.

It is written once, with every key left open, and is never written over; the card is rendered anew
from it as often as one likes.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import attrs
from attrs import field, frozen
from attrs.validators import deep_iterable, matches_re

from slp_core.errors import Problem, RecipeError, UserError
from slp_core.files import read_text, write_text
from slp_core.schema import Bad, structure
from slp_core.toml_lines import key_lines

FACTS = "card.toml"
CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  #: of a language, as BCP 47 has them


def _help(text: str, example: str) -> dict[str, str]:
    return {"help": text, "example": example}


@frozen
class Evaluation:
    """``[[evaluations]]``: Deaf signers who judged the translations."""

    who: str = field(default="", metadata=_help("who judged, as they wish to be named", "..."))
    languages: str = field(
        default="", metadata=_help("the languages that they sign, and since when", "...")
    )
    how: str = field(default="", metadata=_help("on what, asked what, by whom, paid how", "..."))
    findings: str = field(default="", metadata=_help("what they found, in their words", "..."))
    date: str = field(default="", metadata=_help("when", "2026-01-31"))


@frozen
class Facts:
    """``card.toml``. What is empty, the card says is not stated."""

    title: str = field(
        default="", metadata=_help("the pipeline's name, if not the recipe's", "...")
    )
    authors: str = field(default="", metadata=_help("who made it", "..."))
    contact: str = field(default="", metadata=_help("whom signers and users may write to", "..."))
    sign_languages: list[str] = field(
        factory=list,
        validator=deep_iterable(matches_re(CODE)),
        metadata=_help("the sign languages, as ISO 639-3 codes", '["gsg"]'),
    )
    domain: str = field(
        default="", metadata=_help("what is spoken of in the data", "weather forecasts")
    )
    signers: str = field(
        default="",
        metadata=_help("who signs in the data: how many, from where, Deaf or hearing", "..."),
    )
    consent: str = field(
        default="", metadata=_help("what the signers agreed to, and how it is known", "...")
    )
    data_licence: str = field(
        default="", metadata=_help("under which licence the data may be used", "CC BY-NC-SA 4.0")
    )
    licence: str = field(
        default="",
        metadata=_help("of these weights, as the hub writes licences", "cc-by-nc-sa-4.0"),
    )
    licence_link: str = field(
        default="", metadata=_help("where to read it, if the hub does not know it", "https://...")
    )
    uses: list[str] = field(factory=list, metadata=_help("what it is meant for", '["..."]'))
    limitations: list[str] = field(
        factory=list, metadata=_help("what it is known to get wrong", '["..."]')
    )
    misuses: list[str] = field(
        factory=list, metadata=_help("what else it must not be used for", '["..."]')
    )
    notes: str = field(default="", metadata=_help("anything else, in Markdown", "..."))
    evaluations: list[Evaluation] = field(factory=list)


def read_facts(folder: Path) -> Facts:
    """What ``card.toml`` says; nothing where it is not there.

    Raises:
        RecipeError: a key or a value is not as expected, with every problem found.
        UserError: the file is no TOML.
    """
    file = folder / FACTS
    if not file.is_file():
        return Facts()
    try:
        text = read_text(file)
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: is not TOML: {error}") from error
    lines, problems = key_lines(text), list[Problem]()

    def report(key: str, message: str) -> None:
        problems.append(Problem(f"{file}:{lines.get(key, 1)}", key, message))

    try:
        return structure(table, Facts, "", report)
    except Bad:
        raise RecipeError(problems) from None


def begin_facts(folder: Path) -> Path:
    """Write a ``card.toml`` with every key left open, if there is none, and return its path."""
    file = folder / FACTS
    if not file.is_file():
        lines = ["# What the card cannot know by itself. Fill in what is true, and run `slp card`",
                 "# again; what stays out is said to be not stated.", ""]  # fmt: skip
        lines += _keys(Facts)
        lines += ["", "# Deaf signers who judged translations, one table each.",
                  "# [[evaluations]]", *_keys(Evaluation)]  # fmt: skip
        write_text(file, "\n".join(lines) + "\n")
    return file


def _keys(kind: type) -> list[str]:
    lines = []
    for one in attrs.fields(kind):
        if one.metadata:
            example = one.metadata["example"]
            value = example if example.startswith("[") else f'"{example}"'
            lines.append(f"# {one.name} = {value}  # {one.metadata['help']}")
    return lines
