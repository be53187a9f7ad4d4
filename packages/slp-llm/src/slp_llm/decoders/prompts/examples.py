"""Training rows as examples of translations, and which of them a row is shown."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from attrs import field, frozen
from attrs.validators import and_, ge, instance_of

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.manifest import Manifest, Row
from slp_llm.decoders.prompts.template import Template, parse

_FILE = "examples.json"
_TOLD = 5  # bad rows that a message names


def _names_columns(_: Any, __: Any, template: str) -> None:
    if not parse(template)[1]:
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


def check_examples(template: str, examples: ExamplesConfig | None) -> None:
    """Whether a prompt has a place for the examples, if there are any.

    Raises:
        ValueError: ``{examples}`` without a table `examples`, or the table without the place.
    """
    place = Template.read(template).has_examples
    if place and examples is None:
        raise ValueError(
            'the prompt has {examples}; say what one looks like: examples = { template = "..." }'
        )
    if examples is not None and not place:
        raise ValueError("examples: has no effect, the prompt has no {examples}")


class Example(NamedTuple):
    """A training row."""

    line: int  #: where it stands in the manifest
    text: str  #: what it is translated into
    shown: str  #: how it is shown


@frozen
class Examples:
    """Every training row as an example, and how a row's are found."""

    separator: str
    target: str  #: the column that is translated into
    file: str  #: the name of the training manifest
    shifts: list[int]  #: how many rows further on a row's examples are looked for
    rows: list[Example]

    @classmethod
    def load(cls, folder: Path) -> Examples:
        told = json.loads((folder / _FILE).read_text("utf-8"))
        columns = [told.pop(name) for name in ("lines", "texts", "shown")]
        return cls(**told, rows=[Example(*row) for row in zip(*columns, strict=True)])

    def save(self, folder: Path) -> None:
        told = {
            "separator": self.separator,
            "target": self.target,
            "file": self.file,
            "lines": [row.line for row in self.rows],
            "texts": [row.text for row in self.rows],
            "shown": [row.shown for row in self.rows],
            "shifts": self.shifts,
        }
        write_text(folder / _FILE, json.dumps(told, ensure_ascii=False, indent=0) + "\n")

    @classmethod
    def of(cls, train: Manifest, config: ExamplesConfig, target: str, where: str) -> Examples:
        """The training rows, as ``config`` shows them.

        Raises:
            UserError: too few of them differ, or some lack a column.
        """
        shown = _filled(config.template, train, where)
        texts = train.column(target)
        text, often = Counter(texts).most_common(1)[0]
        if len(texts) - often < config.count:
            raise UserError(
                f'{where}: {often} of the {len(texts)} rows of {train.file} say "{text}", '
                f"which leaves fewer than count = {config.count} to show them"
            )
        shifts = random.Random(0).sample(range(1, len(texts)), config.count)
        lines = [row.line for row in train]
        rows = [Example(*row) for row in zip(lines, texts, shown, strict=True)]
        return cls(config.separator, target, train.file.name, shifts, rows)

    def shown(self, row: Row | None) -> str:
        """What a row is shown: if it is a training row, none with its own sentence."""
        own = self._own(row)
        start = _number(row, self.target) if own is None else own
        said = None if own is None else self.rows[own].text
        chosen: list[int] = []
        for shift in self.shifts:
            place = (start + shift) % len(self.rows)
            while place in chosen or self.rows[place].text == said:
                place = (place + 1) % len(self.rows)  # enough of them differ: see `of`
            chosen.append(place)
        return self.separator.join(self.rows[place].shown for place in chosen)

    def _own(self, row: Row | None) -> int | None:
        """Which training row it is: by the manifest's name, the line and, if it has one, the
        translation, so that it is known in a copy of the corpus too."""
        if row is None or row.file.name != self.file or row.line not in self._places:
            return None
        place = self._places[row.line]
        return place if row.get(self.target) in ("", self.rows[place].text) else None

    @cached_property
    def _places(self) -> dict[int, int]:
        return {row.line: place for place, row in enumerate(self.rows)}


def find_examples(config: ExamplesConfig, context: Context, where: str) -> Examples:
    """A pipeline's own examples, or the training rows.

    Raises:
        UserError: there are no training rows, too few that differ, or some without the columns.
    """
    if context.assets is not None:
        return Examples.load(context.assets)
    if context.train is not None:
        return Examples.of(context.train, config, context.target, where)
    if context.meta:
        return Examples(config.separator, context.target, "", [], [])
    raise UserError(
        f"{where}: they are training rows, and there are none; "
        "give [data] train in the recipe, or Context(train=...) in Python"
    )


def _filled(template: str, train: Manifest, where: str) -> list[str]:
    """The template with the fields of every row."""
    (first, *texts), columns = parse(template)
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
    behind = list(zip(columns, texts, strict=True))
    return [first + "".join(row.fields[name] + text for name, text in behind) for row in train]


def _number(row: Row | None, target: str) -> int:
    """A number that a row always gets, whatever it is translated into."""
    fields = {} if row is None else {k: v for k, v in row.fields.items() if k != target}
    said = fields.get("id") or json.dumps(fields, sort_keys=True)
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")
