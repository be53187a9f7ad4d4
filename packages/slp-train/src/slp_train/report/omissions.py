"""What a run, or its report, went without, and why."""

from __future__ import annotations

from collections.abc import Iterator

from slp_train.evaluation.scores import BLANK, FREQUENT, NEAREST, SHUFFLED, Evaluation
from slp_train.log import Log
from slp_train.report.artefacts import Run

_INFEASIBLE = ".infeasible"  # the gauge of the objective ``ctc``


def omissions(run: Run) -> list[str]:
    """A sentence each; rows that could not be read are in ``run.skipped``."""
    return [*_stages(run), *_unread(run), *_evaluated(run)]


def _stages(run: Run) -> Iterator[str]:
    """Stages of the recipe without a log: not come to yet, or closed forms, which have none."""
    for stage in run.recipe.stages if run.recipe else []:
        if stage.name not in run.logs and stage.train:
            yield f"The stage {stage.name} has not been trained."


def _unread(run: Run) -> Iterator[str]:
    """Samples that CTC learnt nothing from, as the gauges of the stages tell."""
    for stage, log in run.logs.items():
        for key in dict.fromkeys(key for entry in log for key in entry):
            if key.endswith(_INFEASIBLE) and (share := _mean(log, key)):
                yield (
                    f"{100 * share:.1f} % of the training samples of the stage {stage} taught "
                    f"{key.removesuffix(_INFEASIBLE)} nothing: they have fewer steps than it takes "
                    "to say their labels."
                )


def _mean(log: Log, key: str) -> float:
    told = [entry[key] for entry in log if key in entry]
    return sum(told) / len(told)


def _evaluated(run: Run) -> Iterator[str]:
    scored = run.evaluation
    if scored is None:
        yield "The run has not been evaluated."
        return
    if left := scored.samples - scored.scored:
        yield (
            f"{left} of {scored.samples} {scored.split} samples were not scored: they could not be "
            "read."
        )
    yield from _controls(run, scored)
    if scored.confidence is None:
        yield "Confidence was not judged: there are too few translations."
    elif scored.confidence.expected is None:
        yield "Confidence was not calibrated, which takes a validation split of at least 50 rows."
    if scored.one_lined:
        yield (
            f"{scored.one_lined} hypotheses held tabs or line breaks, which were scored as blanks."
        )


def _controls(run: Run, scored: Evaluation) -> Iterator[str]:
    if not scored.controls:
        off = run.recipe is not None and not run.recipe.evaluation.controls
        why = ": the recipe has `evaluation.controls = false`" if off else ""
        yield f"The blindness controls were not run{why}."
        return
    reasons = {
        SHUFFLED: "a single sample has no other to change with",
        BLANK: "the evaluation does not tell why",
        FREQUENT: "there are no training rows",
        NEAREST: "there are no training rows",
    }
    for name, why in reasons.items():
        if scored.control(name) is None:
            yield f"The control “{name}” was not run: {why}."
