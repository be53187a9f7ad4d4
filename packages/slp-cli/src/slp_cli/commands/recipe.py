"""``slp recipe``: what a recipe may say."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.groups import Group


@click.group(name="recipe", cls=Group)
def command() -> None:
    """Tell editors what a recipe may say.

    \b
    slp recipe schema -o recipe.schema.json
    """


@command.command(epilog="Example: slp recipe schema -o recipe.schema.json")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A file, instead of stdout.")
def schema(out: Path | None) -> None:
    """Write a JSON Schema of recipes, of the parts that are installed here.

    An editor that knows TOML schemas (Taplo, Even Better TOML) completes and checks a recipe whose
    first line is `#:schema recipe.schema.json`.
    """
    import json

    from slp_core.files import write_text
    from slp_core.recipe_schema import recipe_schema

    text = json.dumps(recipe_schema(), indent=1, ensure_ascii=False)
    if out is None:
        click.echo(text)
    else:
        write_text(out, f"{text}\n")
        click.echo(out)
