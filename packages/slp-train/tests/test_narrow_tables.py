"""On a narrow terminal no table cuts a number."""

import pytest

from slp_train import sketch, summary
from slp_train.data_check import print_data_check
from slp_train.evaluation.scores import Evaluation, Scored
from slp_train.evaluation.tables import print_comparison, print_evaluation
from slp_train.metrics.base import Score

MANY = 77_777_777
PART = {"path": "streams.both-hands-and-face.encoder", "part": "pose", "parameters": MANY}
STAGE = {"name": "translate", "trainable": MANY, "frozen": MANY}


def splits():
    rows = {"rows": MANY, "bad": [], "steps": MANY, "longest": MANY}
    shared = {"what": "sentences", "split": "validation", "earlier": "train", "shared": MANY,
              "distinct": MANY, "shared_rows": MANY, "rows": MANY, "percent": 77.7}  # fmt: skip
    print_data_check({"splits": {"validation": rows}, "overlap": [shared], "absent": {}})
    return 7 * 8 + 3


def built():
    part = {**PART, "package": "slp-encoders", "output": "b t d"}
    stage = {**STAGE, "train": ["decoder"], "fit": [], "objectives": ["o"], "length": "1 epoch"}
    summary.render({"recipe": "r", "parameters": 0, "parts": [part], "stages": [stage]})
    return 3 * 8


def sketched():
    part = {**PART, "inputs": ["b t c h w"], "output": "b t d", "bytes": 77, "dtypes": []}
    stage = {**STAGE, "weights": 77, "gradients": 77, "adam": 77, "whole": True}
    whole = {"recipe": "r", "parameters": 0, "parts": [part], "stages": [stage], "unknown": {}}
    sketch.render(whole)
    return 3 * 8 + 4 * 2


def evaluated():
    names = [f"METRIC-{letter}" for letter in "abcdefgh"]
    scores = {name: Score(name, 77.7, "", (77.7, 77.7)) for name in names}
    whole, short = Scored("all", 1, scores), Scored("sentences-of-few-words", MANY, scores)
    print_evaluation(Evaluation("test", 1, 1, "", [], [], names[0], {}, whole, [short]))
    return 8 * 3 * 4 + 8


def compared():
    one = {"name": "TER", "a": 77.77, "b": 77.77, "difference": 7.77, "interval": (7.77, 7.77),
           "p_bootstrap": 0.7777, "p_randomisation": 0.7777}  # fmt: skip
    print_comparison({"a": "runs/one", "b": "runs/two", "split": "test", "samples": 1,
                      "lower_is_better": [], "scores": [one]})  # fmt: skip
    return 4 + 4 + 3 * 3 + 4 + 4


@pytest.mark.parametrize("show", [splits, built, sketched, evaluated, compared])
def test_no_number_is_cut(show, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    digits = show()
    told = "".join(capsys.readouterr())
    assert told.count("7") == digits
    assert "…" not in told
