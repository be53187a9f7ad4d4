"""How good a pipeline is, and whether it looks at the signals: scores, intervals, controls."""

from __future__ import annotations

from slp_train.evaluation.calibration import calibrate
from slp_train.evaluation.evaluate import evaluate
from slp_train.evaluation.files import compare_runs, read_evaluation, write_evaluation
from slp_train.evaluation.scores import (
    Evaluation,
    Prediction,
    Scored,
    build_metrics,
    language_of,
    verdict,
)
from slp_train.evaluation.selection import refuse_test_selection
from slp_train.evaluation.tables import print_comparison, print_evaluation, print_examples
from slp_train.evaluation.translation import translate_dataset

__all__ = [
    "Evaluation",
    "Prediction",
    "Scored",
    "build_metrics",
    "calibrate",
    "compare_runs",
    "evaluate",
    "language_of",
    "print_comparison",
    "print_evaluation",
    "print_examples",
    "read_evaluation",
    "refuse_test_selection",
    "translate_dataset",
    "verdict",
    "write_evaluation",
]
