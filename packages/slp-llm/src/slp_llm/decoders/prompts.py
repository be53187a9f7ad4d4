"""Prompts: text around the signs, with examples of translations from the training rows.

A template holds ``{signs}``, where the visual steps go, and ``{examples}``, where a few training
rows are shown, as SpaMo does (arXiv:2408.10593)::

    "{signs} Translate the given sentence into German. {examples}"

Its release takes the examples from the batch, in evaluation too, so that one test sentence is
shown the reference of another, and it looks for a permutation until one fits. Here they come from
the training rows only, and a row's are found in one walk.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

from attrs import asdict, field, frozen
from attrs.validators import and_, ge, instance_of

from slp_core.context import Context
from slp_core.errors import UserError, did_you_mean
from slp_core.files import write_text
from slp_core.manifest import Manifest, Row

_FILE = "examples.json"
_PLACES = ("signs", "examples")
_TOLD = 5  # bad rows that a message names


def _names_columns(_: Any, __: Any, template: str) -> None:
    if not any(True for _, name in _pieces(template) if name):
        raise ValueError(f'"{template}" names no column; "{{text_en}}={{text}}" names two')


@frozen
class ExamplesConfig:
    """Training rows that are shown to the language model as examples."""

    template: str = field(
        validator=_names_columns,
        metadata={"help": 'one example, columns of the manifest in braces: "{text_en}={text}"'},
    )
    count: int = field(
        default=1,
        validator=and_(instance_of(int), ge(1)),
        metadata={"help": "rows that are shown"},
    )
    separator: str = field(default=" ", metadata={"help": "text between two examples"})


def is_prompt(_: Any, __: Any, template: str) -> None:
    """Whether a template can be read; the validator of a key that holds one.

    Raises:
        ValueError: braces that mean nothing, or a place that stands there twice.
    """
    names = [name for _, name in _pieces(template) if name is not None]
    for name in names:
        if name not in _PLACES:
            raise ValueError(
                f'"{{{name}}}" means nothing in a prompt{did_you_mean(name, _PLACES)}; '
                "{signs} and {examples} do, and {{ }} are braces as text"
            )
        if names.count(name) > 1:
            raise ValueError(f"{{{name}}} stands there twice")


def check_examples(template: str, examples: ExamplesConfig | None) -> None:
    """Whether a prompt has a place for the examples, if there are any.

    Raises:
        ValueError: ``{examples}`` without a table `examples`, or the table without the place.
    """
    names = [name for _, name in _pieces(template)]
    if "examples" in names and examples is None:
        raise ValueError(
            'the prompt has {examples}; say what one looks like: examples = { template = "..." }'
        )
    if examples is not None and "examples" not in names:
        raise ValueError("examples: has no effect, the prompt has no {examples}")


class Prompt:
    """A template, filled in for a row.

    A blank on either side of ``{signs}`` only parts it from the words and is not read: a
    tokenizer sees how a text ends and begins. Without ``{signs}`` the steps follow the prompt.

    Raises:
        UserError: the template cannot be read, or there are no training rows to take the examples
            from, too few that differ, or some without the columns.
    """

    def __init__(
        self, template: str, examples: ExamplesConfig | None, context: Context, where: str
    ) -> None:
        try:
            is_prompt(None, None, template)
            check_examples(template, examples)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
        self._halves = _halves(template)
        self.words = tuple(text for half in self._halves for text in half)  #: without examples
        self._examples: _Examples | None = None
        if examples is not None:
            self._examples = _examples(examples, context, f"{where}: examples")

    def around(self, row: Row | None) -> tuple[str, str]:
        """The text before the signs and the text behind them.

        A training row is shown other training rows, none with its own sentence. What another row
        is shown follows from its id (without one, from its fields but the translation), what
        comes without a row is always shown the same.
        """
        shown = "" if self._examples is None else self._examples.of(row)
        before, behind = self._halves
        return shown.join(before), shown.join(behind)

    def save_assets(self, folder: Path) -> None:
        """Write the examples, so that an opened pipeline needs no training rows."""
        if self._examples is not None:
            text = json.dumps(asdict(self._examples), ensure_ascii=False, indent=0)
            write_text(folder / _FILE, text + "\n")


@frozen
class _Examples:
    """Every training row as an example, and which of them a row is shown."""

    separator: str
    target: str  #: the column that is translated into
    file: str  #: the name of the training manifest
    lines: list[int]  #: where each row stands in it
    texts: list[str]  #: what each is translated into
    shown: list[str]  #: each, filled in
    shifts: list[int]  #: how many rows further on its examples are looked for

    def of(self, row: Row | None) -> str:
        own = self._own(row)
        start = _number(row, self.target) if own is None else own
        chosen: list[int] = []
        for shift in self.shifts:
            place = (start + shift) % len(self.shown)
            while place in chosen or (own is not None and self.texts[place] == self.texts[own]):
                place = (place + 1) % len(self.shown)  # enough of them differ: see _examples
            chosen.append(place)
        return self.separator.join(self.shown[place] for place in chosen)

    def _own(self, row: Row | None) -> int | None:
        """Which training row it is: by the manifest's name, the line and, if it has one, the
        translation, so that it is known in a copy of the corpus too."""
        if row is None or row.file.name != self.file or row.line not in self._places:
            return None
        place = self._places[row.line]
        return place if row.get(self.target) in ("", self.texts[place]) else None

    @cached_property
    def _places(self) -> dict[int, int]:
        return {line: place for place, line in enumerate(self.lines)}


def _examples(config: ExamplesConfig, context: Context, where: str) -> _Examples:
    if context.assets is not None:
        return _Examples(**json.loads((context.assets / _FILE).read_text("utf-8")))
    if context.train is None and context.meta:
        return _Examples(config.separator, context.target, "", [], [], [], [])
    if context.train is None:
        raise UserError(
            f"{where}: they are training rows, and there are none; "
            "give [data] train in the recipe, or Context(train=...) in Python"
        )
    shown = _fill(config.template, context.train, where)
    texts = context.train.column(context.target)
    text, often = Counter(texts).most_common(1)[0]
    if len(texts) - often < config.count:
        raise UserError(
            f'{where}: {often} of the {len(texts)} rows of {context.train.file} say "{text}", '
            f"which leaves fewer than count = {config.count} to show them"
        )
    shifts = random.Random(0).sample(range(1, len(texts)), config.count)
    return _Examples(
        config.separator,
        context.target,
        context.train.file.name,
        [row.line for row in context.train],
        texts,
        shown,
        shifts,
    )


def _fill(template: str, train: Manifest, where: str) -> list[str]:
    """The template with the fields of every row."""
    pieces = list(_pieces(template))
    columns = [name for _, name in pieces if name is not None]
    try:
        train.require(columns)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    bad = [
        f"{row.where}: {name} is empty" for row in train for name in columns if not row.get(name)
    ]
    if bad:
        more = [f"and {len(bad) - _TOLD} more"] if len(bad) > _TOLD else []
        raise UserError("\n".join([f"{where}: every row is shown,", *bad[:_TOLD], *more]))
    return [
        "".join(text + (row.fields[name] if name else "") for text, name in pieces) for row in train
    ]


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """Text, and the name in the braces behind it."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f'"{template}": {error}; {{{{ }}}} are braces as text') from None
    for text, name, form, conversion in pieces:
        if name == "" or form or conversion:
            raise ValueError(f'"{template}": a name is expected in braces, and nothing else')
        yield text, name


def _halves(template: str) -> tuple[list[str], list[str]]:
    """The text before the signs and behind them, each parted where the examples go."""
    halves = [[""]]
    for text, name in _pieces(template):
        halves[-1][-1] += text
        if name == "signs":
            halves.append([""])
        elif name == "examples":
            halves[-1].append("")
    if len(halves) == 1:
        return halves[0], [""]
    before, behind = halves
    before[-1], behind[0] = before[-1].removesuffix(" "), behind[0].removeprefix(" ")
    return before, behind


def _number(row: Row | None, target: str) -> int:
    """A number that a row always gets, whatever it is translated into."""
    fields = {} if row is None else {k: v for k, v in row.fields.items() if k != target}
    said = fields.get("id") or json.dumps(fields, sort_keys=True)
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")
