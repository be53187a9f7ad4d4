"""``slp check``: no torch, every problem at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slp_cli import completion
from slp_cli.options import json_option, settings_option


@click.command(
    epilog="Examples: slp check recipes/*.toml; slp check --meta recipes/multimodalhugs-pose.toml"
)
@click.argument(
    "recipes",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completion.recipes,
)
@settings_option
@click.option("--meta", is_flag=True, help="Show shapes, parameters and memory, without weights.")
@json_option
def command(
    recipes: tuple[Path, ...], settings: tuple[str, ...], meta: bool, as_json: bool
) -> None:
    """Check that the parts of RECIPES exist, are configured well and fit together.

    Nothing is built: no weights are needed, nor torch. With --meta, the parts are built of shapes
    alone; of a checkpoint its config.json is needed, in its folder or the Hugging Face cache.
    """
    from slp_core.check import check
    from slp_core.errors import UserError
    from slp_core.recipe_file import load_recipe
    from slp_train.sketch import render, sketch

    results: dict[str, dict[str, Any]] = {}
    bad = 0
    for file in recipes:
        try:
            plan = check(load_recipe(file, settings))
            sketched = sketch(plan) if meta else None
        except UserError as error:
            bad += 1
            results[str(file)] = {"ok": False, "problems": str(error).splitlines()}
            if not as_json:
                click.echo(str(error), err=True)
        else:
            free = plan.free_sizes()
            results[str(file)] = {"ok": True, "problems": [], "known_when_built": free}
            if sketched is not None:
                results[str(file)]["meta"] = sketched
                bad += bool(sketched["unknown"])
                if not as_json:
                    render(sketched)
            elif not as_json:
                note = f" (known when built: {', '.join(free)})" if free else ""
                click.echo(f"{file}: fits{note}")
    if as_json:
        import json

        click.echo(json.dumps(results, indent=2))
    if bad:
        click.get_current_context().exit(2)
