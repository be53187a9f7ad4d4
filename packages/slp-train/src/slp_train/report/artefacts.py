"""What a run's folder holds, as far as it has come."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import field, frozen

from slp_core.errors import UserError
from slp_core.files import read_text
from slp_core.manifest import Manifest, Row, read_manifest
from slp_core.recipe import Recipe
from slp_core.recipe_file import RECIPE, load_recipe
from slp_core.stage_files import read
from slp_train.checkpoints import PIPELINE
from slp_train.evaluation.files import METRICS, read_evaluation
from slp_train.evaluation.scores import Evaluation
from slp_train.log import LOG, Log, read_log
from slp_train.provenance import PROVENANCE
from slp_train.report.unfinished import unfinished


@frozen
class Run:
    """A run. What it has not come to yet is empty."""

    folder: Path
    recipe: Recipe | None
    recipe_text: str
    provenance: dict[str, Any]
    evaluation: Evaluation | None
    logs: dict[str, Log] = field(repr=False)  #: by stage; a step comes once
    skipped: dict[str, list[Row]] = field(repr=False)  #: by split
    parameters: dict[str, int]  #: by part
    changed: datetime  #: when the newest of its files was written
    unfinished: str = ""  #: how far it has come, and how it goes on

    @property
    def name(self) -> str:
        return self.recipe.header.name if self.recipe else self.folder.name

    def manifest(self, split: str) -> Manifest:
        """The rows of a split: as seen from where the run was trained, else from here.

        Raises:
            UserError: the recipe names no such manifest, or it cannot be read.
        """
        file = self.recipe.data.path(split) if self.recipe else None
        if file is None:
            raise UserError(f"the recipe has no data.{split}")
        there = self.folder.resolve() / self.provenance.get("called_from", "") / file
        return read_manifest(there if there.is_file() else file)


def saved_in(run: Path) -> Path:
    """The folder of what ``Pipeline.from_pretrained`` opens: in a run's, or the one given."""
    return run / PIPELINE if (run / PIPELINE / RECIPE).is_file() else run


def read_run(folder: Path) -> Run:
    """Read what there is.

    Raises:
        UserError: the folder is none, holds no run, or a file of it is damaged.
    """
    recipe_file = _first(folder / RECIPE, folder / PIPELINE / RECIPE)
    if not folder.is_dir() or not (recipe_file or (folder / METRICS).is_file()):
        raise UserError(f"{folder}: is no run: there is neither {RECIPE} nor {METRICS}")
    recipe = load_recipe(recipe_file) if recipe_file else None
    provenance = read(folder / PROVENANCE)
    files = [file for file in folder.iterdir() if file.is_file() and file.suffix != ".html"]
    return Run(
        folder=folder,
        recipe=recipe,
        recipe_text=read_text(recipe_file) if recipe_file else "",
        provenance=provenance,
        evaluation=read_evaluation(folder) if (folder / METRICS).is_file() else None,
        logs={name: log for name, log in _logs(folder, recipe) if log},
        skipped={
            file.name.split(".")[1]: list(read_manifest(file))
            for file in sorted(folder.glob("skipped.*.tsv"))
        },
        parameters=_parameters(folder / PIPELINE),
        changed=datetime.fromtimestamp(max(file.stat().st_mtime for file in files)),
        unfinished=unfinished(folder, recipe, provenance),
    )


def _first(*files: Path) -> Path | None:
    return next((file for file in files if file.is_file()), None)


def _logs(folder: Path, recipe: Recipe | None) -> Iterator[tuple[str, Log]]:
    if recipe is not None:
        stages = [stage.name for stage in recipe.stages]
    else:
        stages = sorted(file.parent.name for file in folder.glob(f"*/{LOG}"))
    for stage in stages:
        yield stage, list(_by_step(read_log(folder / stage / LOG)))


def _by_step(log: Log) -> Iterator[dict[str, float]]:
    """One entry a step: what a resumed run wrote again replaces what the killed one wrote."""
    by_step: dict[float, dict[str, float]] = {}
    for entry in log:
        step = entry["step"]
        by_step[step] = by_step.get(step, {}) | entry
    yield from (by_step[step] for step in sorted(by_step))


def _parameters(pipeline: Path) -> dict[str, int]:
    """Parameters by part, from the headers of the weights; tied ones count once."""
    from safetensors import SafetensorError, safe_open

    counts: dict[str, int] = {}
    for file in pipeline.glob("*.safetensors"):
        try:
            with safe_open(file, framework="np") as weights:
                for name in weights.keys():  # noqa: SIM118 (no mapping)
                    words = name.split(".")
                    part = ".".join(words[:3] if words[0] == "streams" else words[:1])
                    size = math.prod(weights.get_slice(name).get_shape())
                    counts[part] = counts.get(part, 0) + size
        except SafetensorError as error:
            raise UserError(f"{file}: is damaged: {error}") from error
    return dict(sorted(counts.items()))
