"""A run, top to bottom: corpus, manifests, pipeline, stages, evaluation, report.

``runs/<name>/`` holds the resolved recipe, ``provenance.json``, a folder a stage (checkpoints,
``log.jsonl``, TensorBoard events), ``pipeline/`` (what ``Pipeline.from_pretrained`` opens),
``metrics.json``, ``predictions.tsv``, ``skipped.<split>.tsv`` and ``report.html``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from slp_core.check import Plan, check, configured
from slp_core.context import Context
from slp_core.errors import Problem, RecipeError, UserError
from slp_core.files import read_text
from slp_core.hub import CARD
from slp_core.manifest import Manifest, read_manifest, write_manifest
from slp_core.recipe import Recipe, Use
from slp_core.recipe_file import RECIPE
from slp_train import distributed
from slp_train.annotation import annotated
from slp_train.checkpoints import PIPELINE
from slp_train.features import encoded, kept_streams
from slp_train.progress import bar, say
from slp_train.run_folder import SKIPPED, alone, claim, refuse_others

if TYPE_CHECKING:
    from slp_core.dataset import BadRow, SampleDataset, SignalCache
    from slp_core.pipeline import Pipeline
    from slp_core.reading import RowReader
    from slp_train.evaluation import Evaluation


@frozen
class RunResult:
    """Where a finished run is, and what it scored."""

    folder: Path
    report: Path
    evaluation: Evaluation | None


def train(recipe: Recipe, folder: Path, *, restart: bool = False) -> RunResult | None:
    """Train every stage of a recipe, evaluate, and write the report.

    A run that was killed goes on where it was. Under ``torchrun`` every process calls this; the
    result is None in all but the first.

    Raises:
        UserError: the recipe, its data or the run's folder cannot be used.
    """
    if not recipe.stages:
        raise UserError(f"{recipe.source.file}: has no [[stages]]; there is nothing to train")
    if not distributed.is_main():
        return _train(recipe, folder, restart)
    refuse_others(folder, recipe, restart)  # before a corpus is made
    with alone(folder):
        return _train(recipe, folder, restart)


def _train(recipe: Recipe, folder: Path, restart: bool) -> RunResult | None:
    from slp_train.evaluation import print_evaluation, print_examples, refuse_test_selection
    from slp_train.evaluation.scores import build_metrics, language_of
    from slp_train.report import report

    need = ("train",) if recipe.data.validation is None else ("train", "validation")
    plan, pipeline, manifests = prepare(recipe, need)
    refuse_test_selection(manifests, recipe)
    # what is wrong with a metric is told now, not behind hours of training
    build_metrics(recipe.evaluation.metrics, language_of(recipe, manifests["train"].rows))
    claim(folder, recipe, restart)
    cache = _cache(recipe)
    seen = _train_stages(plan, pipeline, manifests, need, folder, cache)
    if seen and "validation" in manifests:
        _calibrate(pipeline, manifests["validation"], folder, cache)
    _save(pipeline, folder)
    evaluation = None
    if "test" in manifests:
        evaluation = _evaluate(pipeline, manifests, "test", folder, cache)
    elif recipe.data.test is not None:
        say(f"{recipe.data.path('test')}: is not there; nothing is evaluated")
    if not distributed.is_main():
        return None
    if evaluation is not None:
        print_evaluation(evaluation)
        print_examples(evaluation)
    return RunResult(folder, report(folder), evaluation)


def evaluate_run(run: Path, split: str, settings: Sequence[str] = ()) -> Evaluation | None:
    """Score a finished run on a split of its recipe's data.

    ``settings`` change what the recipe says of the data and the evaluation
    (``data.test=other.tsv``, ``evaluation.generation.num_beams=1``).

    Raises:
        UserError: a setting is of the pipeline, which is built and trained; or the split is not
            named, or its manifest not there.
    """
    from slp_core.pipeline import Pipeline
    from slp_core.recipe_file import load_recipe
    from slp_train.report.artefacts import saved_in

    for setting in settings:
        if setting.partition(".")[0].strip() not in ("data", "evaluation"):
            raise UserError(
                f"--set {setting}: has no effect on a trained pipeline; data.* and evaluation.* "
                "can be set, what decodes as evaluation.generation.num_beams=1"
            )
    pipeline = Pipeline.from_pretrained(run).to(distributed.device())
    if settings:
        pipeline.plan = check(load_recipe(saved_in(run) / RECIPE, settings))
    manifests = read_manifests(pipeline.recipe, (split,))
    cache = _cache(pipeline.recipe)
    return _evaluate(pipeline, manifests, split, run, cache)


def prepare(recipe: Recipe, need: Sequence[str] = ()) -> tuple[Plan, Pipeline, dict[str, Manifest]]:
    """Check a recipe, make its corpus where it is not there yet, and build its pipeline."""
    plan = check(recipe)
    prepare_corpus(plan)
    manifests = read_manifests(recipe, need)
    from slp_core.build import build

    return plan, build(plan, train=manifests.get("train")), manifests


def read_manifests(recipe: Recipe, need: Sequence[str] = ()) -> dict[str, Manifest]:
    """The manifests a recipe names, by split, with the columns that ``[data] annotate`` adds;
    absent files are an error only if needed.

    Raises:
        RecipeError: a needed split is not named, or its file is not there.
        UserError: an annotator cannot work.
    """
    return annotated(written_manifests(recipe, need), recipe.data)


def written_manifests(recipe: Recipe, need: Sequence[str] = ()) -> dict[str, Manifest]:
    """The manifests a recipe names, as they are written: what :func:`read_manifests` starts
    from."""
    manifests, problems = {}, []
    for split in ("train", "validation", "test"):
        file = recipe.data.path(split)
        key = f"data.{split}"
        if file is not None and (file.is_file() or split in need):
            manifests[split] = read_manifest(file)
        elif file is None and split in need:
            problems.append(Problem(recipe.source.where(key), key, "a manifest is needed"))
    if problems:
        raise RecipeError(problems)
    return manifests


def prepare_corpus(plan: Plan) -> None:
    """Make or import ``[data] corpus``. One that is already there is found again; whether it is
    the same is the importer's business, so that nothing stale is used."""
    data = plan.recipe.data
    if data.corpus is not None:
        make_corpus(data.corpus, Path(data.root))


def make_corpus(use: Use, folder: Path) -> dict[str, Path]:
    """Run a corpus importer into a folder, with a bar; in the main process only."""
    _, spec, config = configured("corpus", use)
    importer = spec.load()(config, Context())
    made: dict[str, Path] = {}
    if distributed.is_main():
        with bar(f"corpus {use.name}") as progress:
            made = importer.make(folder, progress)
    distributed.barrier()
    return made


def _train_stages(
    plan: Plan,
    pipeline: Pipeline,
    manifests: dict[str, Manifest],
    need: Sequence[str],
    folder: Path,
    cache: SignalCache,
) -> bool:
    """Train stage after stage; tell whether one of them read signs.

    Splits are probed anew only for a stage that reads them otherwise than the one before."""
    from slp_train.provenance import write_provenance
    from slp_train.stage import reads_signs, run_stage

    text_alone = {"reader": pipeline.reader.only(())}
    sets: dict[str, SampleDataset] = {}
    read: dict[str, dict[str, Any]] = {}  # how each split of them is read
    seen = False  # a sign
    for number, stage in enumerate(plan.recipe.stages):
        signs = {"streams": kept_streams(pipeline, number)}
        for split in need:
            how = signs if reads_signs(pipeline, plan, stage, split) else text_alone
            seen = seen or how is signs
            if read.get(split) != how:
                training = split == "train"
                sets[split] = _dataset(
                    pipeline, manifests[split], cache, split, folder, training=training, **how
                )
                read[split] = how
        if number == 0 and distributed.is_main():
            write_provenance(folder, plan, pipeline, manifests)
        place = folder / stage.name
        run_stage(pipeline, plan, stage, sets["train"], sets.get("validation"), place)
    return seen


def _dataset(
    pipeline: Pipeline,
    manifest: Manifest,
    cache: SignalCache,
    split: str,
    folder: Path,
    *,
    training: bool = False,
    streams: Sequence[str] = (),
    reader: RowReader | None = None,
) -> SampleDataset:
    """Probe every row of a split; bad rows end the run, or are skipped and listed if asked.

    ``streams``: those that are encoded once and read from the feature cache; ``reader``: for all,
    if not the pipeline's own."""
    from slp_core.dataset import BadRow, SampleDataset, refuse_bad

    seed = pipeline.recipe.header.seed
    good, bad = manifest, list[BadRow]()
    if streams:
        reader, good, bad = encoded(pipeline, streams, manifest, split)
    dataset = SampleDataset(
        good, pipeline, training=training, seed=seed, cache=cache, reader=reader
    )
    with bar(f"reading {split}") as progress:
        bad += dataset.probe(progress)
    refuse_bad(bad, split, pipeline.recipe.data.skip_bad)
    if not dataset.rows:
        raise UserError(f"{manifest.file}: no row of the {split} split can be used")
    skipped = folder / SKIPPED.format(split)
    if bad:
        say(f"{split}: {len(bad)} of {len(manifest)} rows left out, see {skipped}")
    if distributed.is_main():
        _list_skipped(skipped, bad)
    return dataset


def _list_skipped(file: Path, bad: Sequence[BadRow]) -> None:
    if not bad:
        file.unlink(missing_ok=True)
        return
    rows = [[one.row.id, one.row.where, " ".join(one.reason.split())] for one in bad]
    write_manifest(file, ["id", "where", "reason"], rows)


def _calibrate(pipeline: Pipeline, manifest: Manifest, folder: Path, cache: SignalCache) -> None:
    """Learn on the validation split what the confidence of translations is worth."""
    from slp_train.evaluation import calibrate

    reader = pipeline.reader.only(pipeline.recipe.heard)
    dataset = _dataset(pipeline, manifest, cache, "validation", folder, reader=reader)
    with bar("calibrating the confidence") as progress:
        pipeline.calibration = calibrate(pipeline, dataset, "validation", progress)


def _save(pipeline: Pipeline, folder: Path) -> None:
    """Write what ``Pipeline.from_pretrained`` opens; a card that is there already stays."""
    if distributed.is_main():
        card = folder / PIPELINE / CARD
        pipeline.card = read_text(card) if card.is_file() else None
        pipeline.save(folder / PIPELINE)
    distributed.barrier()


def _evaluate(
    pipeline: Pipeline,
    manifests: dict[str, Manifest],
    split: str,
    folder: Path,
    cache: SignalCache,
) -> Evaluation | None:
    from slp_train.evaluation import evaluate, write_evaluation

    reader = pipeline.reader.only(pipeline.recipe.heard)
    dataset = _dataset(pipeline, manifests[split], cache, split, folder, reader=reader)
    with bar(f"translating {split}") as progress:
        evaluation = evaluate(pipeline, dataset, manifests, split, progress)
    if not distributed.is_main():
        return None
    write_evaluation(evaluation, folder)
    return evaluation


def _cache(recipe: Recipe) -> SignalCache:
    from slp_core.dataset import SignalCache

    return SignalCache(recipe.data.cache_gib)
