"""How far a run has come that is not finished, and how it goes on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slp_core.recipe import Recipe
from slp_core.recipe_file import RECIPE
from slp_core.stage_files import read
from slp_train import checkpoints


def unfinished(folder: Path, recipe: Recipe | None, provenance: Mapping[str, Any]) -> str:
    """Where a run stands, and the command that goes on; "" where its pipeline is saved."""
    weights = (folder / "model.safetensors", folder / checkpoints.PIPELINE / "model.safetensors")
    if recipe is None or any(file.is_file() for file in weights):
        return ""
    names = [stage.name for stage in recipe.stages]
    left = [name for name in names if not (folder / name / checkpoints.RESULT).is_file()]
    where = "its stages are trained, but the pipeline is not saved yet"
    if left:
        number = names.index(left[0]) + 1
        where = f"stage {number} of {len(names)}, {left[0]}, {_stands(folder / left[0])}"
    return (
        f"This run is not finished: {where}. `{_command(folder, provenance)}`, called where the "
        "run was begun, goes on from there."
    )


def _stands(stage: Path) -> str:
    newest, mark = checkpoints.newest(stage)
    if newest is None:
        return "has no checkpoint yet"
    steps = read(newest / checkpoints.STATE).get("max_steps", "an unknown number")
    return f"stands at its checkpoint of step {mark['step']} of {steps}"


def _command(folder: Path, provenance: Mapping[str, Any]) -> str:
    """As it is written where the run was begun: a relative ``data.root`` counts from there."""
    begun = provenance.get("called_from")
    start = Path.cwd() if begun is None else folder.resolve() / begun
    run = Path(os.path.relpath(folder.resolve(), start))
    return shlex.join(["slp", "train", str(run / RECIPE), "--run", str(run)])
