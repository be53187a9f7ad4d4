"""What this package adds to a run. To the check of a recipe: quantised weights are trained by no
stage, and cross-entropy is of the decoder's text. To translations: whether their names are those
that were spelled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.check import matches
from slp_core.errors import Problem
from slp_core.files import write_text
from slp_core.hooks import hookimpl
from slp_llm.decoders.causal_lm.spec import CausalLmConfig
from slp_llm.names import known_names, notes_of, spellers
from slp_llm.objectives.cross_entropy import check as cross_entropy_check
from slp_llm.report import attention

if TYPE_CHECKING:
    from slp_core.batch import Sample
    from slp_core.check import Plan
    from slp_core.parts import Note, Translation
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage


@hookimpl
def slp_check(plan: Plan) -> list[Problem]:
    """Quantised layers that a stage would train; cross-entropy of anything but the text."""
    return [*_quantised_layers(plan), *cross_entropy_check.problems(plan)]


def _quantised_layers(plan: Plan) -> Iterator[Problem]:
    """Every pattern of a stage's ``train`` that names the layers of a quantised decoder, by
    themselves or as a part of it."""
    source = plan.recipe.source
    quantised = {
        path: config
        for path, config in plan.configs().items()
        if isinstance(config, CausalLmConfig) and config.quantize is not None
    }
    for number, stage in enumerate(plan.recipe.stages):
        place = f"stages.{number}.train"
        for pattern in stage.train:
            for path, config in quantised.items():
                if matches(pattern, f"{path}.layers"):
                    yield Problem(source.where(place), place, _message(pattern, path, config))


@hookimpl
def slp_after_translation(pipeline: Pipeline, translations: list[Translation]) -> list[list[Note]]:
    """Names that are not what a fingerspelling expert read; nothing where none read."""
    experts = spellers(pipeline)
    names = [*known_names(experts.values())]
    language = pipeline.recipe.data.language
    return [
        [
            note
            for path in experts
            if path in said.transcripts
            for note in notes_of(said.text, said.transcripts[path], names, language)
        ]
        for said in translations
    ]


@hookimpl
def slp_after_stage(pipeline: Pipeline, stage: Stage, samples: list[Sample], folder: Path) -> None:
    """Write ``attention.json`` where the stage trained an encoder-decoder."""
    trains = any(matches(pattern.partition(".")[0], "decoder") for pattern in stage.train)
    if trains and samples:
        from slp_llm.report.outcome import outcome

        if told := outcome(pipeline, samples):
            write_text(folder / attention.FILE, json.dumps(told, ensure_ascii=False) + "\n")


@hookimpl
def slp_report(run: Path) -> list[tuple[str, str]]:
    """Where the decoder looks."""
    return attention.sections(run)


def _message(pattern: str, path: str, config: CausalLmConfig) -> str:
    give = "" if config.lora is not None else f"give {path} a `lora` and "
    return (
        f'"{pattern}" names the layers of {path}, which {path}.quantize = "{config.quantize}" '
        f'loads in fewer bits than can be trained; {give}name "{path}.lora" instead, or leave '
        "quantize out"
    )
