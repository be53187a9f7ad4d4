"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from slp_cli import completion

recipe_argument = click.argument(
    "recipe", type=click.Path(path_type=Path), shell_complete=completion.recipes
)
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completion.settings,
    help="Write another value into the recipe: --set stages.0.epochs=2 (repeatable).",
)
run_argument = click.argument(
    "run", type=click.Path(path_type=Path), shell_complete=completion.runs
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def as_table(settings: Iterable[str]) -> dict[str, Any]:
    """What a part is told by ``KEY=VALUE``: values as TOML writes them, a bare word is a string.

    Raises:
        UserError: there is no ``=``.
    """
    from slp_core.errors import UserError
    from slp_core.recipe_file import written_value

    table: dict[str, Any] = {}
    for setting in settings:
        key, equals, written = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: is no KEY=VALUE")
        table[key] = written_value(written)
    return table
