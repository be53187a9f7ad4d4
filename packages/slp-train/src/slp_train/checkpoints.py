"""Checkpoints of a stage: complete or not there.

``<stage>/checkpoint-<step>/`` holds ``pipeline/`` (which ``Pipeline.from_pretrained`` opens), the
state of optimiser, schedule and random numbers, and, written last, ``complete.json``. A folder
without that mark does not count. What a stage does not train is on the disk once: each pipeline of
the stage has a hard link to it (``slp_core.weights``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slp_core import stage_files
from slp_core.errors import UserError
from slp_core.files import write_text

if TYPE_CHECKING:
    from torch import nn

MARK = "complete.json"
STATE = "trainer_state.json"  #: of the Trainer
RESULT = "result.json"  #: of a stage, which is finished where it is
PIPELINE = "pipeline"
_PREFIX = "checkpoint-"
_MARKED = {"step", "finished", "seconds", "identity"}  #: what a mark says


def folder_of(stage: Path, step: int) -> Path:
    return stage / f"{_PREFIX}{step}"


def pipeline_of(stage: Path, step: int) -> Path:
    return folder_of(stage, step) / PIPELINE


def complete(stage: Path) -> list[int]:
    """Steps of the complete checkpoints of a stage, ascending."""
    return sorted(step for step, folder in _folders(stage) if (folder / MARK).is_file())


def newest(stage: Path) -> tuple[Path | None, dict[str, Any]]:
    """The newest complete checkpoint of a stage and what its mark says, if there is one.

    Raises:
        UserError: the mark is damaged.
    """
    steps = complete(stage)
    if not steps:
        return None, {}
    folder = folder_of(stage, steps[-1])
    mark = stage_files.read(folder / MARK)
    if absent := _MARKED - mark.keys():
        raise UserError(
            f"{folder / MARK}: is damaged: it says no {', '.join(sorted(absent))}; remove {folder} "
            "to go on from the checkpoint before it"
        )
    return folder, mark


def staging(stage: Path, step: int) -> Path:
    """Where a checkpoint is gathered before it takes its place."""
    return stage / f".{_PREFIX}{step}"


def publish(stage: Path, step: int, mark: Mapping[str, Any]) -> None:
    """Mark what was gathered as complete and put it in its place."""
    gathered, place = staging(stage, step), folder_of(stage, step)
    write_text(gathered / MARK, json.dumps(dict(mark), indent=2) + "\n")
    if place.exists():
        _remove(place)
    gathered.replace(place)


def rotate(stage: Path, keep: Collection[int]) -> None:
    """Remove every complete checkpoint but those of the steps to ``keep``."""
    for step in complete(stage):
        if step not in keep:
            _remove(folder_of(stage, step))


def sweep(stage: Path) -> None:
    """Remove what a killed run left half written or half removed."""
    for folder in stage.glob(f".{_PREFIX}*"):
        shutil.rmtree(folder)
    for _, folder in _folders(stage):
        if not (folder / MARK).is_file():
            shutil.rmtree(folder)


def _folders(stage: Path) -> Iterator[tuple[int, Path]]:
    for folder in stage.glob(f"{_PREFIX}*"):
        step = folder.name.removeprefix(_PREFIX)
        if step.isdigit() and folder.is_dir():
            yield int(step), folder


def _remove(folder: Path) -> None:
    (folder / MARK).unlink()  # from here on it does not count
    shutil.rmtree(folder)


def require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with what was begun under another recipe or other data.

    Raises:
        UserError: with every key that differs, its value then and now.
    """
    differing = [
        f"  {key}: {before.get(key, 'absent')} then, {now.get(key, 'absent')} now"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]
    if differing:
        raise UserError(
            f"{folder}: was begun differently; give the run another name, or begin it anew with "
            "--restart:\n" + "\n".join(differing)
        )


def load_average(pipeline: nn.Module, folders: Sequence[Path]) -> None:
    """Load the mean of a stage's saved pipelines' weights, the last of which is already loaded.

    Means are taken in float64; what is not floating point (counters) is the last one's. What the
    stage froze is not read again.
    """
    import torch
    from safetensors import safe_open

    from slp_core.weights import WEIGHTS

    files = [safe_open(folder / WEIGHTS, "pt") for folder in folders]
    state = pipeline.state_dict()
    with torch.no_grad():
        for name in files[-1].keys():  # noqa: SIM118 (no mapping)
            if state[name].is_floating_point():
                total = sum(file.get_tensor(name).double() for file in files)
                state[name].copy_(total / len(files))
