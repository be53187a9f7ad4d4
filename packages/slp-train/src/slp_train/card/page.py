"""The card as Markdown below a YAML head, rendered of what a run holds and its author says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from slp_core import stage_files
from slp_core.confidence import Calibration
from slp_core.errors import UserError
from slp_core.files import read_text, write_text
from slp_core.hub import CARD
from slp_core.recipe import Recipe
from slp_train import checkpoints
from slp_train.card.data import corpus_of, facts_of, language_of, sign_languages_of, splits_of
from slp_train.card.facts import Facts
from slp_train.card.head import head
from slp_train.evaluation.scores import uses_signal, verdict
from slp_train.report.artefacts import Run, read_run, saved_in
from slp_train.report.confidence import reliability

#: By this, a card is known that may be written over.
MARK = "<!-- Written by `slp card`. What its author adds is in the run's card.toml, not here. -->"
#: What a reader of each name is given, in examples.
_CLIPS = {
    "pose": "clip.pose",
    "video": "clip.mp4",
    "mediapipe": "clip.mp4",
    "features": "clip.npy",
    "image": "picture.png",
    "text": "RAIN TOMORROW",
    "pixel-text": "RAIN TOMORROW",
    "signwriting": "M518x529S14c20481x471S27106503x489",
}


def write_card(run: Path, file: Path | None = None, name: str | None = None) -> Path:
    """Write the card of a finished run beside its pipeline, or into ``file``, and return its path.

    ``name``: what the pipeline is opened by in its examples ("owner/name"), if not by where
    `slp train` puts a run of this folder's name.

    Raises:
        UserError: the folder holds no finished run, or there is a card that somebody wrote.
    """
    if not (saved_in(run) / "model.safetensors").is_file():
        said = "holds no pipeline yet" if run.is_dir() else "there is no such folder"
        raise UserError(f"{run}: {said}; name a run that `slp train` has finished")
    file = file or saved_in(run) / CARD
    if file.is_file() and is_by_hand(read_text(file)):
        raise UserError(
            f"{file}: was not written by `slp card` and is left as it is; write elsewhere with -o, "
            "or move it away"
        )
    write_text(file, render_card(run, name))
    return file


def is_by_hand(card: str | None) -> bool:
    """Whether there is a card that somebody wrote, who would not have it written over."""
    return card is not None and MARK not in card


def render_card(run: Path, name: str | None = None) -> str:
    """The card of a run, as Markdown.

    Raises:
        UserError: the folder holds no run, or its ``card.toml`` is not as expected.
    """
    read, facts = _known(run)
    assert read.recipe is not None
    scored, splits = read.evaluation, splits_of(read.provenance)
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=False,  # Markdown: the filter `text` stands where somebody's words do
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"text": _text, "shell": shlex.quote}
    return environment.get_template("card.md.jinja").render(
        head=head(read, facts, splits),
        mark=MARK,
        title=facts.title or read.name,
        run=read,
        recipe=read.recipe,
        facts=facts,
        splits=splits,
        sign_languages=sign_languages_of(facts, splits),
        language=language_of(read.recipe, splits),
        corpus=corpus_of(read.recipe),
        scored=scored,
        verdict=scored and verdict(scored),
        uses_signal=scored and uses_signal(scored),
        worth=scored and reliability(scored.predictions),
        calibration=Calibration.load(saved_in(run)),
        stages=list(_stages(read)),
        packages=_packages(read.provenance),
        name=name or f"runs/{run.resolve().name}",
        clips=dict(_clips(read.recipe)),
    )


def missing_facts(run: Path) -> list[str]:
    """The keys of ``card.toml`` that the card says are not stated."""
    read, facts = _known(run)
    wanted = ["domain", "consent", "data_licence", "licence", "contact", "evaluations"]
    missing = [key for key in wanted if not getattr(facts, key)]
    known = sign_languages_of(facts, splits_of(read.provenance))
    return missing if known else ["sign_languages", *missing]


def _known(run: Path) -> tuple[Run, Facts]:
    read = read_run(run)
    if read.recipe is None:
        raise UserError(f"{run}: has no recipe, of which a card could be written")
    return read, facts_of(run, read.recipe)


def _stages(run: Run) -> Iterator[dict[str, Any]]:
    """What every stage did, by the recipe and by its ``result.json``."""
    assert run.recipe is not None
    for stage in run.recipe.stages:
        found = stage_files.read(run.folder / stage.name / checkpoints.RESULT)
        length = f"{stage.epochs:g} epochs" if stage.epochs else f"{stage.steps} steps"
        steps = found.get("steps")
        yield {
            "name": stage.name,
            "parts": stage.train or stage.fit,
            "objectives": [use.label for use in stage.objectives],
            "length": "closed form" if stage.fit else length,
            "steps": steps if isinstance(steps, int) else None,
        }


def _packages(provenance: Mapping[str, Any]) -> list[str]:
    """Those that hold its parts, and the command."""
    parts = provenance.get("parts", {}).values()
    return sorted({"slp-cli", *(one["package"] for one in parts)})


def _clips(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """What to translate from, by signal."""
    for name in recipe.heard:
        stream = recipe.streams[name]
        if stream.signal is not None:
            reader = stream.processor.name if stream.processor else stream.signal
            yield stream.signal, _CLIPS.get(reader, f"clip.{stream.signal.rpartition('.')[2]}")


def _text(value: object) -> str:
    """Somebody's words on one line, where neither a tag nor a cell of a table ends or begins."""
    return re.sub(r"\s+", " ", str(value)).replace("<", "&lt;").replace("|", "\\|").strip()
