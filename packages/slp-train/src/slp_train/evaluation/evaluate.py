"""Scoring a pipeline on a split, beside what could be scored without seeing the signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sacrebleu import BLEU, CHRF

from slp_core.corpus import Progress
from slp_core.hooks import hooks
from slp_core.manifest import Manifest, Row
from slp_train import distributed
from slp_train.evaluation.blindness import blind_hypotheses
from slp_train.evaluation.calibration import judge
from slp_train.evaluation.names import judge_names
from slp_train.evaluation.readings import judge_readings
from slp_train.evaluation.scores import (
    Confidence,
    Evaluation,
    Prediction,
    Scored,
    build_metrics,
    language_of,
)
from slp_train.evaluation.translation import Samples, translate_dataset
from slp_train.metrics.base import Array, Metric, check_texts
from slp_train.metrics.evaluate import score_statistics
from slp_train.metrics.significance import RESAMPLES, randomisation_p
from slp_train.metrics.text import is_unspaced, words
from slp_train.overlap import seen_mask

if TYPE_CHECKING:
    from slp_core.dataset import SampleDataset
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline

    Translator = Callable[[Samples], list[Translation]]

_TRIALS = 1000  # of the paired test of the model against a control
_ENOUGH = 30  # samples, to score short and long ones apart


def evaluate(
    pipeline: Pipeline,
    dataset: SampleDataset,
    manifests: Mapping[str, Manifest],
    split: str,
    progress: Progress | None = None,
) -> Evaluation:
    """Translate a split and score it as the recipe's ``[evaluation]`` says.

    ``dataset``: the rows of ``manifests[split]`` that can be read, probed. Hypotheses are scored
    once, against the references as the manifest has them. Under ``torch.distributed`` every
    process calls this and gets the same.

    Raises:
        UserError: a metric cannot score these references.
    """
    settings, target = pipeline.recipe.evaluation, pipeline.recipe.data.target
    language = language_of(pipeline.recipe, dataset.rows)
    metrics = build_metrics(settings.metrics, language)
    first = 0 if settings.metrics else [metric.name for metric in metrics].index("BLEU-4")
    references = [row.get(target) for row in dataset.rows]
    train = manifests["train"].rows if "train" in manifests else ()

    translate = _translator(pipeline, progress)
    said = translate(dataset)
    hypotheses = [one_line(one.text) for one in said]
    check_texts(hypotheses, references)
    statistics = [metric.statistics(hypotheses, references) for metric in metrics]
    seen = seen_mask([row.get(target) for row in train], references) if train else None

    controls = _controls(dataset, train, translate, metrics, first, statistics[first])
    predictions = _predictions([row.id for row in dataset.rows], references, said, seen)
    evaluation = Evaluation(
        split=split,
        samples=len(manifests[split]),
        scored=len(dataset),
        language=language,
        metrics=settings.metrics,
        lower_is_better=[one.name for one in metrics if not one.higher_is_better],
        headline=metrics[first].name,
        generation=settings.generation,
        whole=_scored("all", metrics, statistics, RESAMPLES),
        parts=_scored_parts(metrics, statistics, references, seen),
        controls=controls,
        confidence=_judged(pipeline, predictions, split),
        names=judge_names(dataset.rows, predictions),
        readings=judge_readings(pipeline, dataset.rows, said),
        one_lined=sum(a.text != b for a, b in zip(said, hypotheses, strict=True)),
        predictions=predictions,
    )
    if distributed.is_main():
        scores = {name: one.value for name, one in evaluation.whole.scores.items()}
        hooks().slp_evaluation(stage="", split=split, scores=scores)
    return evaluation


def _translator(pipeline: Pipeline, progress: Progress | None) -> Translator:
    """Translates as the recipe says; ``progress`` counts the passes with and without signs as
    one."""
    settings = pipeline.recipe.evaluation
    passes, started = 3 if settings.controls else 1, count()

    def translate(samples: Samples) -> list[Translation]:
        before = next(started)

        def count_on(done: int, total: int) -> None:
            if progress is not None:
                progress(before * total + done, passes * total)

        return translate_dataset(
            pipeline,
            samples,
            batch_steps=settings.batch_steps,
            generation=settings.generation,
            progress=count_on,
        )

    return translate


def _controls(
    dataset: SampleDataset,
    train: Sequence[Row],
    translate: Translator,
    metrics: Sequence[Metric],
    headline: int,
    ours: Array,
) -> list[Scored]:
    """What is scored without seeing the signals, where the recipe asks for it; ``ours``: the
    statistics of the model's own hypotheses in the headline metric."""
    recipe = dataset.pipeline.recipe
    if not recipe.evaluation.controls:
        return []
    target, seed = recipe.data.target, recipe.header.seed
    references = [row.get(target) for row in dataset.rows]
    found = []
    for name, texts in blind_hypotheses(dataset, train, target, _texts(translate), seed):
        theirs = [metric.statistics(texts, references) for metric in metrics]
        p = randomisation_p(metrics[headline], ours, theirs[headline], _TRIALS)
        found.append(_scored(name, metrics, theirs, resamples=0, p=p))
    return found


def _texts(translate: Translator) -> Callable[[Samples], list[str]]:
    return lambda samples: [one_line(one.text) for one in translate(samples)]


def one_line(text: str) -> str:
    """The text with blanks for tabs and line breaks, which a TSV cannot hold."""
    return re.sub(r"[\t\n\r]", " ", text)


def _scored(
    name: str,
    metrics: Sequence[Metric],
    statistics: Sequence[Array],
    resamples: int,
    p: float | None = None,
) -> Scored:
    scores = [
        score_statistics(metric, one, resamples)
        for metric, one in zip(metrics, statistics, strict=True)
    ]
    return Scored(name, len(statistics[0]), {one.name: one for one in scores}, p)


def _scored_parts(
    metrics: Sequence[Metric],
    statistics: Sequence[Array],
    references: Sequence[str],
    seen: NDArray[np.bool_] | None,
) -> list[Scored]:
    return [
        _scored(name, metrics, [one[mask] for one in statistics], resamples=0)
        for name, mask in _parts(references, seen)
        if mask.any()
    ]


def _parts(
    references: Sequence[str], seen: NDArray[np.bool_] | None
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Which samples are scored apart: seen and unseen sentences, thirds by length."""
    if seen is not None:
        yield "seen sentences", seen
        yield "unseen sentences", ~seen
    if len(references) < _ENOUGH:
        return
    lengths = np.array([len(words(reference)) for reference in references])
    short, middle = np.quantile(lengths, [1 / 3, 2 / 3]).astype(int).tolist()
    yield f"up to {short} words", lengths <= short
    if middle > short:
        yield f"{short + 1} to {middle} words", (short < lengths) & (lengths <= middle)
    yield f"over {middle} words", lengths > middle


def _predictions(
    ids: Sequence[str],
    references: Sequence[str],
    said: Sequence[Translation],
    seen: NDArray[np.bool_] | None,
) -> list[Prediction]:
    bleu = BLEU(tokenize="char" if is_unspaced(references) else "13a", effective_order=True)
    chrf = CHRF()
    found = []
    for number, (one, reference) in enumerate(zip(said, references, strict=True)):
        text = one_line(one.text)
        found.append(
            Prediction(
                id=ids[number],
                reference=reference,
                hypothesis=text,
                confidence=one.confidence,
                bleu=bleu.sentence_score(text, [reference]).score,
                chrf=chrf.sentence_score(text, [reference]).score,
                seen=None if seen is None else bool(seen[number]),
                expected=one.expected,
                notes=one_line("; ".join(note.message for note in one.notes)),
                offer=next((one_line(n.offer) for n in one.notes if n.offer is not None), None),
            )
        )
    return found


def _judged(pipeline: Pipeline, predictions: Sequence[Prediction], split: str) -> Confidence | None:
    """What confidence is worth, by sentence chrF."""
    calibration = pipeline.calibration
    return judge(
        [one.confidence for one in predictions],
        [one.expected for one in predictions],
        [one.chrf / 100 for one in predictions],
        in_sample=calibration is not None and calibration.split == split,
    )
