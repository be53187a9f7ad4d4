"""``slp train``: from a recipe to scores and a report."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import recipe_argument, settings_option


@click.command(
    epilog="Examples: slp train recipes/quickstart.toml; "
    "torchrun --nproc-per-node 4 -m slp_cli.main train recipes/quickstart.toml"
)
@recipe_argument
@settings_option
@click.option(
    "--run", type=click.Path(path_type=Path), help="The run's folder [runs/<recipe's name>]."
)
@click.option("--restart", is_flag=True, help="Throw an earlier run of that folder away.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be read; list them.")
def command(
    recipe: Path, settings: tuple[str, ...], run: Path | None, restart: bool, skip_bad: bool
) -> None:
    """Train the stages of RECIPE, evaluate on the test split, and write a report.

    A run that was killed goes on where it was. The path of the report goes to stdout.
    """
    from slp_core.recipe_file import load_recipe

    loaded = load_recipe(recipe, [*settings, *(["data.skip_bad=true"] if skip_bad else [])])
    from slp_train.run import train

    result = train(loaded, run or Path("runs") / loaded.header.name, restart=restart)
    if result is not None:
        click.echo(result.report)
