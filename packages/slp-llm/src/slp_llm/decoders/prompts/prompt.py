"""A prompt: a template, filled in for each row."""

from __future__ import annotations

from pathlib import Path

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_llm.decoders.prompts.examples import (
    Examples,
    ExamplesConfig,
    check_examples,
    find_examples,
)
from slp_llm.decoders.prompts.template import Template


class Prompt:
    """A template, filled in for a row.

    Raises:
        UserError: the template cannot be read, or there are no training rows to take the examples
            from, too few that differ, or some without the columns.
    """

    def __init__(
        self, template: str, examples: ExamplesConfig | None, context: Context, where: str
    ) -> None:
        try:
            self._template = Template.read(template)
            check_examples(template, examples)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
        self.words = self._template.words  #: without examples
        self._examples: Examples | None = None
        if examples is not None:
            self._examples = find_examples(examples, context, f"{where}: examples")

    def around(self, row: Row | None) -> tuple[str, str]:
        """The text before the signs and the text behind them.

        A training row is shown other training rows, none with its own sentence. What another row
        is shown follows from its id (without one, from its fields but the translation), what
        comes without a row is always shown the same.
        """
        return self._template.around("" if self._examples is None else self._examples.shown(row))

    def save_assets(self, folder: Path) -> None:
        """Write the examples, so that an opened pipeline needs no training rows."""
        if self._examples is not None:
            self._examples.save(folder)
