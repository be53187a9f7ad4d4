"""``slp features``: what is in a feature cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from slp_cli.groups import Group
from slp_cli.options import json_option

_folder = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


def _sets(store: Any, folder: Path) -> list[dict[str, Any]]:
    """What a cache holds; an error if that is nothing, as in a folder that is none."""
    from slp_core.errors import UserError

    sets = store.info()
    if not sets:
        raise UserError(f"{folder}: holds no features; `slp extract` writes them")
    return sets


@click.group(name="features", cls=Group)
def command() -> None:
    """Look into a feature cache, check it, and write it for other programs.

    \b
    slp features info data/features
    slp features verify data/features
    slp features export data/features spamo/
    """


@command.command(epilog="Example: slp features info data/features --json")
@_folder
@json_option
def info(folder: Path, as_json: bool) -> None:
    """Tell the sets of FOLDER: clips that were encoded in the same way."""
    import json

    from slp_core.features import open_store

    sets = _sets(open_store(folder), folder)
    if as_json:
        click.echo(json.dumps(sets, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=str(folder))
    for name in ("set", "encoder", "model", "precision", "clips", "steps", "width", "MiB"):
        table.add_column(name)
    for one in sets:
        encoder = one["encoder"]
        words = [
            one["set"], encoder["class"].rpartition(":")[2],
            str(encoder["config"].get("model") or ""), one["precision"],
            *(str(one[key]) for key in ("clips", "steps", "width")), f"{one['bytes'] / 2**20:.1f}",
        ]  # fmt: skip
        table.add_row(*words)
    Console(highlight=False).print(table)


@command.command(epilog="Example: slp features verify data/features")
@_folder
@json_option
def verify(folder: Path, as_json: bool) -> None:
    """Compute every checksum of FOLDER again; exit code 2 if something has changed."""
    import json

    from slp_core.features import open_store
    from slp_train.progress import bar

    store = open_store(folder)
    with bar("verifying") as progress:
        changed = store.verify(progress)
    if not changed:
        _sets(store, folder)
    if as_json:
        click.echo(json.dumps({"ok": not changed, "changed": changed}, indent=2))
    else:
        click.echo("\n".join(changed) or f"{folder}: all is as it was written", err=bool(changed))
    if changed:
        click.get_current_context().exit(2)


@command.command(epilog="Examples: slp features export data/features spamo/; "
                 "slp features export data/features clips.h5 --format hdf5")  # fmt: skip
@_folder
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["npy", "hdf5"]),
    default="npy",
    show_default=True,
    help="One .npy a clip in the folder OUT, or the one file OUT.",
)
@click.option("--only", metavar="SET", help="Which set, where there are several.")
def export(folder: Path, out: Path, form: str, only: str | None) -> None:
    """Write the clips of FOLDER to OUT, each as a float32 matrix (steps, width) named by its id."""
    from slp_core.features import open_store
    from slp_train.progress import bar

    with bar("exporting") as progress:
        written = open_store(folder).export(out, form, only, progress)  # type: ignore[arg-type]
    click.echo(f"{written} clips written to {out}")
