"""One stage of a recipe, from wherever it stands to its end."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from slp_core import stage_files
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.hooks import hooks
from slp_core.recipe import Use
from slp_core.schema import said, unstructure
from slp_train import checkpoints, distributed
from slp_train.arguments import schedule, training_arguments
from slp_train.batching import BudgetBatches
from slp_train.checkpoints import RESULT
from slp_train.log import LOG, read_log
from slp_train.objectives import carry_on, save_objectives
from slp_train.progress import bar, say

if TYPE_CHECKING:
    from slp_core.check import Plan
    from slp_core.dataset import SampleDataset
    from slp_core.parts import Objective
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage
    from slp_train.trainer import StageTrainer

    Scorer = Callable[[Pipeline], dict[str, float]]

FIT = "fit.json"
_SAMPLES = 8  #: of a batch, where the stage says nothing
_SHOWN = 16  #: samples that plugins are shown


@frozen
class StageResult:
    """A finished stage. Its pipeline is in ``folder/pipeline``."""

    name: str
    folder: Path
    steps: int  #: optimiser steps taken
    seconds: float  #: of training, over all resumed runs
    metric: str  #: what chose the best checkpoint
    best: float | None  #: its value there; None without validation
    checkpoints: tuple[int, ...]  #: steps of those the result is the mean of, best first
    logs: tuple[dict[str, float], ...] = ()  #: for curves; also in ``folder/log.jsonl``


def run_stage(
    pipeline: Pipeline,
    plan: Plan,
    stage: Stage,
    training: SampleDataset,
    validation: SampleDataset | None,
    folder: Path,
) -> StageResult:
    """Train a stage of a recipe, going on where a killed run stopped.

    The pipeline ends with the best weights by ``select`` (the mean of the ``average`` best), or
    with the last ones where there is no validation data. A finished stage is loaded, not trained.
    What objectives learn goes on from the stages before, whose folders are beside ``folder``.

    Raises:
        UserError: the folder holds this stage of another recipe or of other data, an argument
            of the trainer is wrong, ``select`` cannot be measured, a loss is no longer finite.
    """
    from slp_core.build import build_objectives

    objectives = build_objectives(plan, stage, pipeline)
    names = [one.name for one in plan.recipe.stages]
    carry_on(objectives, [folder.parent / name for name in names[: names.index(stage.name)]])
    scorer, higher_is_better = None, False
    if _translates(stage, objectives):
        scorer, higher_is_better = _scorer(stage, plan, validation)
    return train_stage(
        pipeline,
        stage,
        objectives,
        training.with_objectives(objectives.values()),
        validation and validation.with_objectives(objectives.values()),
        folder,
        scorer=scorer,
        higher_is_better=higher_is_better,
        seed=plan.recipe.header.seed,
    )


def reads_signs(pipeline: Pipeline, plan: Plan, stage: Stage, split: str) -> bool:
    """Whether a stage needs the signals of ``train`` or ``validation``: to fit, for an objective
    that looks at them, or to translate for ``select``."""
    from slp_core.build import build_objectives
    from slp_train.model import what_is_read

    if stage.fit:
        return True
    objectives = build_objectives(plan, stage, pipeline)
    looks = what_is_read(pipeline, objectives.values()) != set()
    return looks or (split == "validation" and _translates(stage, objectives))


def _translates(stage: Stage, objectives: Iterable[str]) -> bool:
    """Whether ``select`` is a metric of translations, and no loss."""
    return stage.select not in ("loss", *objectives)


def _scorer(stage: Stage, plan: Plan, validation: SampleDataset | None) -> tuple[Scorer, bool]:
    """What measures ``select`` on the validation split, and whether more of it is better."""
    from slp_train.evaluation.scores import build_metrics, language_of
    from slp_train.evaluation.translation import translate_dataset

    if validation is None:
        raise UserError(f"{_said(stage, 'select')} needs validation data: write data.validation")
    rows, settings = validation.rows, plan.recipe.evaluation
    named = {use.name: use for use in settings.metrics}
    use = named.get(stage.select, Use(stage.select))
    (metric,) = build_metrics([use], language_of(plan.recipe, rows))
    references = [row.get(plan.recipe.data.target) for row in rows]

    def score(pipeline: Pipeline) -> dict[str, float]:
        with bar(f"{stage.name}: validation") as progress:
            translations = translate_dataset(
                pipeline,
                validation,
                batch_steps=settings.batch_steps,
                generation=settings.generation,
                progress=progress,
            )
        return {stage.select: metric.score([one.text for one in translations], references).value}

    return score, metric.higher_is_better


def train_stage(
    pipeline: Pipeline,
    stage: Stage,
    objectives: dict[str, Objective],
    training: SampleDataset,
    validation: SampleDataset | None,
    folder: Path,
    *,
    scorer: Scorer | None = None,
    higher_is_better: bool = False,
    seed: int = 0,
) -> StageResult:
    """:func:`run_stage` with objectives and datasets made. ``scorer`` is called with the
    pipeline after every validation, in every process, and gives scores by name."""
    if stage.fit:
        return fit_stage(pipeline, stage, training, folder, seed)
    if validation is None and stage.patience:
        raise UserError(f"{_said(stage, 'patience')} needs validation data: write data.validation")
    identity = identity_of(pipeline, stage, training, validation, seed)
    if (folder / RESULT).is_file():
        return _open_finished(pipeline, folder, identity)
    resumed, mark = checkpoints.newest(folder)
    if resumed is not None:
        checkpoints.require_same(resumed, mark["identity"], identity)

    from slp_train.model import StageModel
    from slp_train.trainer import StageTrainer

    batches = _training_batches(stage, training, seed)
    plan = schedule(stage, len(batches), validation is not None)
    arguments = training_arguments(stage, plan, folder, seed)
    arguments.greater_is_better = higher_is_better
    with bar(stage.name) as progress:
        trainer = StageTrainer(
            StageModel(pipeline, objectives, stage.train),
            arguments,
            stage=stage,
            training=training,
            batches=batches,
            validation=validation,
            validation_batches=[] if validation is None else list(_cut(stage, validation)),
            scorer=scorer,
            identity=identity,
            progress=progress,
        )
        if resumed is None:
            _tell(hooks().slp_before_stage, trainer, folder)
        trainer.run(resumed, mark)
    return _finish(trainer, stage, folder)


def _training_batches(stage: Stage, training: SampleDataset, seed: int) -> BudgetBatches:
    """This process's share of the training samples, in batches of the stage's size."""
    batches = _cut(
        stage, training, seed=seed, rank=distributed.rank(), world=distributed.world_size()
    )
    if batches.oversized:
        say(f"{stage.name}: {batches.oversized} samples are longer than batch_steps; each is a "
            "batch of its own")  # fmt: skip
    return batches


def _cut(stage: Stage, dataset: SampleDataset, **more: int) -> BudgetBatches:
    samples = stage.batch_samples or (None if stage.batch_steps else _SAMPLES)
    return BudgetBatches(dataset.lengths, steps=stage.batch_steps, samples=samples, **more)


def fit_stage(
    pipeline: Pipeline, stage: Stage, training: SampleDataset, folder: Path, seed: int = 0
) -> StageResult:
    """Fit the parts that a stage names; what they tell is in ``folder/fit.json``, by path.

    Raises:
        UserError: a part cannot be fitted, or the folder holds this stage of another recipe or of
            other data.
    """
    identity = identity_of(pipeline, stage, training, None, seed)
    if all(distributed.gather((folder / RESULT).is_file())):  # asked before anybody writes it
        return _open_finished(pipeline, folder, identity)
    if distributed.is_main():
        from slp_train.fitting import fit_parts

        began = time.monotonic()
        told = fit_parts(pipeline, stage, training, stage.batch_samples or _SAMPLES)
        seconds = time.monotonic() - began
        pipeline.save(folder / checkpoints.PIPELINE)
        write_text(folder / FIT, json.dumps(told, indent=2) + "\n")
        done = StageResult(stage.name, folder, 0, seconds, stage.select, None, ())
        _write_result(done, (), identity)
    distributed.barrier()
    return _open_finished(pipeline, folder, identity)


def _said(stage: Stage, key: str) -> str:
    return f'stage "{stage.name}": {key} = {said(getattr(stage, key))}'


def identity_of(
    pipeline: Pipeline,
    stage: Stage,
    training: SampleDataset,
    validation: SampleDataset | None,
    seed: int,
) -> dict[str, Any]:
    """What must be the same for a stage to go on: network, stage, data, seed, processes."""
    table = pipeline.recipe.source.table
    facts: dict[str, Any] = {
        **{key: table[key] for key in ("streams", "fusion", "mapper", "decoder") if key in table},
        "stage": unstructure(stage),
        "data.target": pipeline.recipe.data.target,
        "data.train (its content)": _content(training),
        "data.validation (its content)": validation and _content(validation),
        "seed": seed,
        "processes": distributed.world_size(),
    }
    return json.loads(json.dumps(dict(_flatten(facts))))


def _flatten(table: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(table, Mapping) and table:
        return [
            pair
            for name, value in table.items()
            for pair in _flatten(value, f"{key}.{name}" if key else name)
        ]
    return [(key, table)]


def _content(dataset: SampleDataset) -> str:
    """A hash of the rows as written and of the sizes and modification times of the files that
    are read, be it in the cache."""
    digest = hashlib.sha256()
    reader = dataset.pipeline.reader.only(dataset.reader.processors)
    for row in dataset.rows:
        stats = [file.stat() for file in reader.files(row)]
        stamps = [(stat.st_size, stat.st_mtime_ns) for stat in stats]
        digest.update(json.dumps([row.fields, stamps]).encode())
    return digest.hexdigest()[:16]


def _finish(trainer: StageTrainer, stage: Stage, folder: Path) -> StageResult:
    """Load the best weights, save them with the logs, and mark the stage as finished."""
    from slp_core.weights import save_apart

    pipeline, history = trainer.model.pipeline, trainer.state.log_history
    kept = trainer.kept()
    places = [checkpoints.pipeline_of(folder, step) for step in sorted(kept)]
    pipeline.load_weights(places[-1])
    checkpoints.load_average(pipeline, places)
    pipeline.eval()
    values = {entry["step"]: entry.get(f"eval_{stage.select}") for entry in history}
    result = StageResult(
        stage.name,
        folder,
        steps=trainer.state.global_step,
        seconds=trainer.seconds,
        metric=stage.select,
        best=values.get(kept[0]),
        checkpoints=tuple(kept),
    )
    if trainer.args.should_save:
        pipeline.save(folder / checkpoints.PIPELINE, partial(save_apart, earlier=places[-1]))
        save_objectives(trainer.model.by_label, folder)
        _tell(hooks().slp_after_stage, trainer, folder)
        _write_result(result, history, trainer.identity)
    trainer.accelerator.wait_for_everyone()
    return evolve(result, logs=tuple(history))


def _tell(verb: Callable[..., Any], trainer: StageTrainer, folder: Path) -> None:
    """Show a stage to the plugins, with some samples and without random variants of them; with
    none where no signal was read."""
    if trainer.args.should_save:
        validation: Any = trainer.eval_dataset
        shown: SampleDataset = copy(trainer.training if validation is None else validation)
        shown.training = False
        count = min(len(shown), _SHOWN) if shown.reader.processors else 0
        samples = [shown[number * len(shown) // count] for number in range(count)]
        pipeline = trainer.model.pipeline
        verb(pipeline=pipeline, stage=trainer.stage, samples=samples, folder=folder)


def _write_result(
    result: StageResult, history: Iterable[dict[str, float]], identity: dict[str, Any]
) -> None:
    """Write what the stage logged, and then what marks it as finished."""
    write_text(result.folder / LOG, "".join(json.dumps(entry) + "\n" for entry in history))
    facts = asdict(result, filter=lambda field, _: field.name not in ("folder", "logs"))
    text = json.dumps({**facts, "identity": identity}, indent=2)
    write_text(result.folder / RESULT, text + "\n")


def _open_finished(pipeline: Pipeline, folder: Path, identity: dict[str, Any]) -> StageResult:
    facts = stage_files.read(folder / RESULT)
    try:
        before = dict(facts.pop("identity"))
        result = StageResult(**facts | {"checkpoints": tuple(facts["checkpoints"])}, folder=folder)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder / RESULT}: is no result of a stage: {error!r}; "
            "remove it, and the stage ends anew from its last checkpoint"
        ) from error
    checkpoints.require_same(folder, before, identity)
    pipeline.load_weights(folder / checkpoints.PIPELINE)
    pipeline.eval()
    return evolve(result, logs=tuple(read_log(folder / LOG)))
