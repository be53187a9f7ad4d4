"""``slp build``: the composed pipeline, looked at or written."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import json_option, recipe_argument, settings_option


@click.command(epilog="Example: slp build recipes/tiny/multimodalhugs-pose.toml -o pipeline/")
@recipe_argument
@settings_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the pipeline here.")
@json_option
def command(recipe: Path, settings: tuple[str, ...], output: Path | None, as_json: bool) -> None:
    """Print what RECIPE composes: parts, packages, types, parameters and stages.

    With -o, write a folder that Pipeline.from_pretrained opens.
    """
    from slp_core.display import describe
    from slp_core.recipe_file import load_recipe
    from slp_train.run import prepare
    from slp_train.summary import render

    _, pipeline, _ = prepare(load_recipe(recipe, settings))
    described = describe(pipeline)
    if as_json:
        import json

        click.echo(json.dumps(described, indent=2))
    else:
        render(described)
    if output is not None:
        pipeline.save(output)
        click.echo(f"written to {output}", err=True)
