"""``slp data``: manifests, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slp_cli import completion
from slp_cli.groups import Group
from slp_cli.options import as_table, json_option, recipe_argument, settings_option


@click.group(name="data", cls=Group)
def command() -> None:
    """Make, import and check manifests; make poses of videos.

    \b
    slp data synth data/synthetic --samples 1000 --seed 0
    slp data import phoenix14t PHOENIX-2014-T data/phoenix14t
    slp data check recipes/quickstart.toml
    slp data pose clips -o poses
    """


@command.command(epilog="Example: slp data synth data/synthetic --samples 1000 --seed 0")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--samples", type=click.IntRange(min=10), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--video/--no-video", default=True, help="Draw an mp4 for every sample.")
def synth(out: Path, samples: int, seed: int, video: bool) -> None:
    """Make a synthetic corpus in OUT: a small sign language with a written phonology."""
    from slp_core.recipe import Use
    from slp_train.run import make_corpus

    options = {"samples": samples, "seed": seed, "video": video}
    for split, file in make_corpus(Use("synthetic", options), out).items():
        click.echo(f"{split}\t{file}")


@command.command(name="import", epilog="Example: slp data import how2sign how2sign/ data/how2sign")
@click.argument("corpus", shell_complete=completion.parts("corpus"))
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Importer settings.",
              shell_complete=completion.keys("corpus"))  # fmt: skip
def import_(corpus: str, source: Path, out: Path, settings: tuple[str, ...]) -> None:
    """Turn the official files of CORPUS in SOURCE into manifests in OUT."""
    from slp_core.recipe import Use
    from slp_train.run import make_corpus

    options = {"source": str(source), **as_table(settings)}
    for split, file in make_corpus(Use(corpus, options), out).items():
        click.echo(f"{split}\t{file}")


@command.command(epilog="Example: slp data pose clips -o poses --jobs 4")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True)
@click.option("--frame-rate", type=click.FloatRange(min=0, min_open=True), default=25.0,
              show_default=True, help="Of folders of pictures, which have no clock.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True,
              help="Processes, of which each estimates one video at a time.")  # fmt: skip
def pose(folder: Path, out: Path, frame_rate: float, jobs: int) -> None:
    """Write a .pose file in OUT for every video in FOLDER, by MediaPipe Holistic.

    A folder of pictures counts as a video. Poses that are there already are kept: what was
    interrupted goes on. Videos that cannot be used are listed, and the exit code is 2.
    """
    from slp_core import registry
    from slp_train.progress import bar

    reader: Any = registry.find("processor", "mediapipe").load().load()
    with bar("poses") as progress:
        made, bad = reader.pose_folder(folder, out, rate=frame_rate, jobs=jobs, progress=progress)
    click.echo(f"{made} poses in {out}")
    for line in bad:
        click.echo(f"error: {line}", err=True)
    if bad:
        click.get_current_context().exit(2)


@command.command(epilog="Example: slp data check recipes/quickstart.toml --json")
@recipe_argument
@settings_option
@json_option
def check(recipe: Path, settings: tuple[str, ...], as_json: bool) -> None:
    """Read every row of RECIPE's manifests and report overlap between its splits."""
    from slp_core.recipe_file import load_recipe
    from slp_train.data_check import check_data, print_data_check

    result = check_data(load_recipe(recipe, settings))
    if as_json:
        import json

        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print_data_check(result)
    if any(split["bad"] for split in result["splits"].values()):
        click.get_current_context().exit(2)
