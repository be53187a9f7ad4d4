"""``slp check``: no torch, every problem at once."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import json_option, settings_option


@click.command(epilog="Example: slp check recipes/*.toml")
@click.argument("recipes", nargs=-1, required=True, type=click.Path(path_type=Path))
@settings_option
@json_option
def command(recipes: tuple[Path, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Check that the parts of RECIPES exist, are configured well and fit together.

    Nothing is built: no weights are needed, nor torch.
    """
    from slp_core.check import check
    from slp_core.errors import UserError
    from slp_core.recipe_file import load_recipe

    results, bad = {}, 0
    for file in recipes:
        try:
            plan = check(load_recipe(file, settings))
        except UserError as error:
            bad += 1
            results[str(file)] = {"ok": False, "problems": str(error).splitlines()}
            if not as_json:
                click.echo(str(error), err=True)
        else:
            free = plan.free_sizes()
            results[str(file)] = {"ok": True, "problems": [], "known_when_built": free}
            if not as_json:
                note = f" (known when built: {', '.join(free)})" if free else ""
                click.echo(f"{file}: fits{note}")
    if as_json:
        import json

        click.echo(json.dumps(results, indent=2))
    if bad:
        click.get_current_context().exit(2)
