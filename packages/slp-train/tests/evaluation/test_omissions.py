"""What the report says that was left out."""

from datetime import datetime
from pathlib import Path

import pytest

from slp_core.recipe_file import parse_recipe
from slp_train.evaluation.scores import (
    BLANK,
    FREQUENT,
    NEAREST,
    SHUFFLED,
    Confidence,
    Evaluation,
    Gap,
    Scored,
)
from slp_train.report.artefacts import Run
from slp_train.report.omissions import omissions

RECIPE = """
[recipe]
name = "toy"
[data]
[streams.hands]
signal = "signs"
encoder = "same"
[decoder]
use = "reader"
[[stages]]
name = "fit"
fit = ["streams.hands.mapper"]
[[stages]]
name = "learn"
train = ["decoder"]
objectives = ["o"]
epochs = 1
[evaluation]
"""
GAP = Gap(0.1, 0.2)


def make_run(evaluation, logs=None, settings=""):
    logs = {"learn": [{"step": 1, "loss": 1.0}]} if logs is None else logs
    recipe = parse_recipe(RECIPE + settings)
    return Run(Path("a"), recipe, "", {}, evaluation, logs, {}, {}, datetime(2026, 1, 1))


def scored(controls=(SHUFFLED, BLANK, FREQUENT, NEAREST), **changes):
    facts = {
        "split": "test",
        "samples": 60,
        "scored": 60,
        "language": "",
        "metrics": [],
        "lower_is_better": [],
        "headline": "chrF",
        "generation": {},
        "whole": Scored("all", 60, {}),
        "controls": [Scored(name, 60, {}) for name in controls],
        "confidence": Confidence(10, GAP, GAP, False, []),
    }
    return Evaluation(**(facts | changes))


def test_nothing_is_left_out():
    assert omissions(make_run(scored())) == []


@pytest.mark.parametrize(
    "run, said",
    [
        (make_run(None), "The run has not been evaluated."),
        (make_run(scored(), {}), "The stage learn has not been trained."),
        (make_run(scored(scored=57)), "3 of 60 test samples were not scored"),
        (make_run(scored(())), "The blindness controls were not run."),
        (make_run(scored(()), settings="controls = false"), "has `evaluation.controls = false`."),
        (make_run(scored((BLANK, FREQUENT, NEAREST))), "“shuffled signals” was not run: a single"),
        (make_run(scored((SHUFFLED, BLANK, NEAREST))), "no training rows"),
        (make_run(scored(confidence=None)), "Confidence was not judged"),
        (make_run(scored(confidence=Confidence(10, GAP, None, False, []))), "was not calibrated"),
        (make_run(scored(one_lined=2)), "2 hypotheses held tabs"),
    ],
)
def test_each_is_told_once(run, said):
    (line,) = omissions(run)
    assert said in line


def test_samples_too_short_for_ctc():
    log = [
        {"step": 1, "loss": 1.0, "ctc@streams.hands.mapper.infeasible": 0.0},
        {"step": 2, "loss": 1.0},
        {"step": 3, "loss": 1.0, "ctc@streams.hands.mapper.infeasible": 0.25},
    ]
    (line,) = omissions(make_run(scored(), {"learn": log}))
    assert line.startswith("12.5 % of the training samples of the stage learn taught ctc@streams")
    log[2]["ctc@streams.hands.mapper.infeasible"] = 0.0
    assert omissions(make_run(scored(), {"learn": log})) == []
