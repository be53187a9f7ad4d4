"""Evaluations on disk: ``metrics.json`` and ``predictions.tsv`` in a run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import asdict, evolve
from cattrs import BaseValidationError, Converter

from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.manifest import read_manifest, write_manifest
from slp_train.evaluation.scores import Evaluation, Prediction, build_metrics

METRICS = "metrics.json"
PREDICTIONS = "predictions.tsv"
_COLUMNS = ("id", "reference", "hypothesis", "confidence", "bleu", "chrf", "seen")
_FURTHER = ("expected", "notes", "offer")  # each where a row has it
_SEEN = {True: "yes", False: "no", None: ""}


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write the scores and a row for every sample, each file whole or not at all."""
    further = [name for name in _FURTHER if any(_said(one, name) for one in evaluation.predictions)]
    rows = [
        (
            one.id,
            one.reference,
            one.hypothesis,
            f"{one.confidence:.6f}",
            f"{one.bleu:.2f}",
            f"{one.chrf:.2f}",
            _SEEN[one.seen],
            *(_said(one, name) for name in further),
        )
        for one in evaluation.predictions
    ]
    write_manifest(folder / PREDICTIONS, [*_COLUMNS, *further], rows)
    scores = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False)
    write_text(folder / METRICS, scores + "\n")


def _said(one: Prediction, name: str) -> str:
    value = getattr(one, name)
    return f"{value:.6f}" if isinstance(value, float) else value or ""


def read_evaluation(folder: Path) -> Evaluation:
    """Read what :func:`write_evaluation` wrote.

    Raises:
        UserError: the run has not been evaluated, or the files hold something else.
    """
    file = folder / METRICS
    if not file.is_file():
        raise UserError(f"{folder}: has no {METRICS}; run `slp evaluate {folder}` first")
    converter = Converter(forbid_extra_keys=True)
    try:
        written = dict(json.loads(file.read_text(encoding="utf-8")))
        evaluation = converter.structure(written, Evaluation)
    except (ValueError, TypeError, BaseValidationError) as error:
        raise UserError(f"{file}: is no evaluation of this version; evaluate again") from error
    return evolve(evaluation, predictions=_read_predictions(folder / PREDICTIONS))


def _read_predictions(file: Path) -> list[Prediction]:
    manifest = read_manifest(file)
    manifest.require(_COLUMNS)
    seen = {written: known for known, written in _SEEN.items()}
    found = []
    for row in manifest:
        id, reference, hypothesis, *numbers, training = map(row.get, _COLUMNS)
        try:
            confidence, bleu, chrf = map(float, numbers)
            scores = (confidence, bleu, chrf, seen[training])
            expected, notes, offer = map(row.get, _FURTHER)
            further = float(expected) if expected else None, notes, offer or None
            found.append(Prediction(id, reference, hypothesis, *scores, *further))
        except (ValueError, KeyError) as error:
            raise UserError(f"{row.where}: is no prediction: {error} cannot be read") from error
    return found


def compare_runs(a: Path, b: Path) -> dict[str, Any]:
    """Hold two runs' predictions against each other, by the metrics of the first; JSON values.

    Raises:
        UserError: they were not evaluated on the same samples and references.
    """
    from slp_train.metrics.evaluate import compare

    ours, theirs = read_evaluation(a), read_evaluation(b)
    others = {one.id: one for one in theirs.predictions}
    for one in ours.predictions:
        other = others.pop(one.id, None)
        if other is None or other.reference != one.reference:
            what = "has no sample" if other is None else "has another reference for"
            raise UserError(f"{b / PREDICTIONS}: {what} {one.id}; the runs cannot be compared")
    if others:
        raise UserError(f"{a / PREDICTIONS}: has no sample {next(iter(others))}; "
                        "the runs cannot be compared")  # fmt: skip
    said = {one.id: one.hypothesis for one in theirs.predictions}
    compared = compare(
        [one.hypothesis for one in ours.predictions],
        [said[one.id] for one in ours.predictions],
        [one.reference for one in ours.predictions],
        metrics=build_metrics(ours.metrics, ours.language),
    )
    return {
        "a": str(a),
        "b": str(b),
        "split": ours.split,
        "samples": ours.scored,
        "lower_is_better": ours.lower_is_better,
        "scores": [asdict(one) for one in compared],
    }
