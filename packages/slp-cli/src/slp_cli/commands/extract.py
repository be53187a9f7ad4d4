"""``slp extract``: what frozen encoders make of the clips, once."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import json_option, recipe_argument, settings_option


class _Share(click.ParamType):
    """``2/8``: the second of eight."""

    name = "I/N"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        which, slash, of = value.partition("/")
        if not slash or not (which.isdigit() and of.isdigit() and 1 <= int(which) <= int(of)):
            self.fail(f"{value!r} is no share; 2/8 is the second of eight", param, ctx)
        return int(which), int(of)


@click.command(epilog="Examples: slp extract recipes/spamo-phoenix14t.toml; "
               "slp extract recipe.toml --into features --dtype bfloat16 --shard 2/8; "
               "slp extract recipe.toml --engine ray --workers 8")  # fmt: skip
@recipe_argument
@settings_option
@click.option("--into", type=click.Path(path_type=Path), help="The cache's folder [the recipe's].")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="What is computed in and stored [the recipe's].",
)
@click.option("--shard", type=_Share(), default="1/1", help="A share of the rows, for array jobs.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where: in this process, or in the actors of a Ray cluster.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Ray actors [one a GPU, or a machine if there is no GPU].",
)
@click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be read; list them.")
@json_option
def command(
    recipe: Path,
    settings: tuple[str, ...],
    into: Path | None,
    dtype: str | None,
    shard: tuple[int, int],
    engine: str,
    workers: int | None,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Encode the clips of RECIPE's splits with the encoders that it never trains.

    What is in the cache already is not encoded again; a killed extraction goes on where it was.
    `slp train` does the same by itself, and reads what is there.
    """
    import json

    from slp_core.recipe_file import load_recipe
    from slp_train.features import extract

    if workers is not None and engine != "ray":
        raise click.UsageError("--workers is of --engine ray")
    loaded = load_recipe(recipe, [*settings, *(["data.skip_bad=true"] if skip_bad else [])])
    done = extract(loaded, into, dtype, shard, engine, workers)  # type: ignore[arg-type]
    if as_json:
        bad = [str(one) for one in done.bad]
        facts = {"encoded": done.encoded, "found": done.found, "steps": done.steps, "bad": bad}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        bad_rows = f", {len(done.bad)} rows left out" if done.bad else ""
        click.echo(f"{done.encoded} clips encoded, {done.found} were there{bad_rows}")
