"""The grammar of templates: text with names in braces, where something else goes."""

from __future__ import annotations

from string import Formatter
from typing import Any

from attrs import frozen

from slp_core.errors import did_you_mean

_PLACES = ("signs", "examples")


@frozen
class Template:
    """A prompt as it is written: the text before the signs and the text behind them.

    Each is parted where the examples go. A blank on either side of ``{signs}`` only parts it from
    the words and is not read: a tokenizer sees how a text ends and begins. Without ``{signs}``
    the steps follow the prompt.
    """

    before: tuple[str, ...]
    behind: tuple[str, ...]

    @classmethod
    def read(cls, template: str) -> Template:
        """
        Raises:
            ValueError: braces that mean nothing, or a place that stands there twice.
        """
        texts, names = parse(template)
        for name in names:
            if name not in _PLACES:
                raise ValueError(
                    f'"{{{name}}}" means nothing in a prompt{did_you_mean(name, _PLACES)}; '
                    "{signs} and {examples} do, and {{ }} are braces as text"
                )
            if names.count(name) > 1:
                raise ValueError(f"{{{name}}} stands there twice")
        if "signs" not in names:
            return cls(tuple(texts), ("",))
        signs = names.index("signs") + 1
        *before, last = texts[:signs]
        first, *behind = texts[signs:]
        return cls((*before, last.removesuffix(" ")), (first.removeprefix(" "), *behind))

    @property
    def words(self) -> tuple[str, ...]:
        """What it says itself."""
        return self.before + self.behind

    @property
    def has_examples(self) -> bool:
        return len(self.words) > 2

    def around(self, examples: str) -> tuple[str, str]:
        """The text before the signs and the text behind them, the examples put in."""
        return examples.join(self.before), examples.join(self.behind)


def is_prompt(_: Any, __: Any, template: str) -> None:
    """Whether a template can be read; the validator of a key that holds one.

    Raises:
        ValueError: as :meth:`Template.read` does.
    """
    Template.read(template)


def parse(template: str) -> tuple[list[str], list[str]]:
    """The texts, and the names in braces between them: one less.

    Raises:
        ValueError: there is something else in braces than a name, or half of a pair of them.
    """
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f'"{template}": {error}; {{{{ }}}} are braces as text') from None
    texts, names = [""], []
    for text, name, form, conversion in pieces:
        if name == "" or form or conversion:
            raise ValueError(f'"{template}": a name is expected in braces, and nothing else')
        texts[-1] += text
        if name is not None:
            names.append(name)
            texts.append("")
    return texts, names
