"""The folder of a run: whose it is, and that one process alone trains in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from filelock import FileLock, Timeout

from slp_core.errors import UserError
from slp_core.files import read_text, write_text
from slp_core.recipe import Recipe, Split
from slp_core.recipe_file import RECIPE
from slp_train import distributed
from slp_train.card.facts import FACTS
from slp_train.provenance import PROVENANCE

SKIPPED = "skipped.{}.tsv"


def refuse_others(folder: Path, recipe: Recipe, restart: bool) -> None:
    """Refuse a place that holds something else than a run of this recipe."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, and a run is a folder; choose another with --run")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not _holds_run(folder, recipe):
        raise UserError(f"{folder}: is not empty and holds no run; choose another with --run")
    if not restart and read_text(folder / RECIPE) != recipe.to_toml():
        raise UserError(
            f"{folder}: holds a run of another recipe (or of other settings); "
            "choose another folder with --run, or throw that run away with --restart"
        )


def _holds_run(folder: Path, recipe: Recipe) -> bool:
    """Whether a folder is a run's: it has told its provenance, or has nothing yet but what comes
    before that, and the recipe there is not the one that is to be trained."""
    begun = {RECIPE, FACTS, *(SKIPPED.format(split) for split in get_args(Split))}
    names = {one.name for one in folder.iterdir()}
    own = Path(recipe.source.file).resolve().parent == folder.resolve()
    return RECIPE in names and (PROVENANCE in names or (names <= begun and not own))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a run's folder, for as long as this one lives.

    Raises:
        UserError: another one does.
    """
    home = folder.resolve()
    home.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.parent / f".{home.name}.lock")  # not in it: --restart deletes what is
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"{folder}: another process is training there; wait for it, or choose another folder "
            "with --run"
        ) from None
    try:
        yield
    finally:
        lock.release()


def claim(folder: Path, recipe: Recipe, restart: bool) -> None:
    """Take a run's folder for this recipe."""
    if distributed.is_main():
        if restart:
            _throw_away(folder)
        write_text(folder / RECIPE, recipe.to_toml())
    distributed.barrier()


def _throw_away(folder: Path) -> None:
    """Delete a run, but not what its author wrote for its card."""
    facts = folder / FACTS
    kept = facts.read_bytes() if facts.is_file() else None
    shutil.rmtree(folder, ignore_errors=True)
    if kept is not None:
        folder.mkdir(parents=True, exist_ok=True)
        facts.write_bytes(kept)
