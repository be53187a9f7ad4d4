"""Learning curves: their ticks, their boxes and which of them share a chart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slp_train.report import curves


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e6))
def test_ticks_span_the_values_in_round_steps(low, span):
    found = curves.ticks(low, low + span)
    slack = 1e-6 * max(abs(low), span, 1)
    assert found[0] <= low + slack and found[-1] >= low + span - slack
    assert 2 <= len(found) <= 8
    assert np.all(np.diff(found) > 0)


def test_ticks_by_hand():
    assert curves.ticks(0, 100) == [0, 25, 50, 75, 100]
    assert curves.ticks(0, 5.6) == [0, 2, 4, 6]
    assert curves.ticks(-1, 1) == [-1, -0.5, 0, 0.5, 1]
    assert curves.ticks(0, 0) == [0, 0.25]
    assert curves.ticks(0, 0.003) == [0, 0.001, 0.002, 0.003]


def test_curves_stay_in_their_box():
    log = [{"step": n, "loss": 5.0 - n, "eval_loss": 2.0 * n, "eval_wer": 130.0} for n in range(9)]
    log[3]["loss"] = float("nan")
    charts = curves.charts(log)
    assert [one.title for one in charts] == ["loss", "validation scores"]
    assert [len(line.drawn) for line in charts[0].lines] == [8, 9]
    for chart in charts:
        for line in chart.lines:
            for x, y in line.drawn:
                assert curves.LEFT <= x <= curves.WIDTH - curves.RIGHT
                assert curves.TOP <= y <= curves.HEIGHT - curves.BOTTOM
    first, last = charts[0].lines[1].drawn[0], charts[0].lines[1].drawn[-1]
    assert first[0] < last[0] and first[1] > last[1]  # larger is higher up


def test_objectives_have_charts_of_their_own():
    log = [
        {"step": 1, "loss": 3, "ctc": 1},
        {"step": 1, "eval_loss": 2, "eval_ctc": 2, "eval_x": 1},
    ]
    assert [one.title for one in curves.charts(log)] == ["loss", "ctc", "validation scores"]
    assert curves.charts([]) == []


def test_a_single_objective_is_drawn_once():
    log = [{"step": 1, "loss": 3}, {"step": 1, "eval_loss": 2.5, "eval_ctc": 2.5, "eval_wer": 1.0}]
    found = curves.charts(log)
    assert [one.title for one in found] == ["loss", "validation scores"]
    assert [line.name for line in found[1].lines] == ["wer"]


def test_gauges_have_charts_after_the_losses():
    log = [
        {"step": 1, "loss": 3, "ctc@a.b": 1, "a.b.perplexity": 9.0, "ctc@a.b.hits": 0.5},
        {"step": 1, "eval_loss": 2, "eval_ctc@a.b": 2, "eval_wer": 1},
        {"step": 2, "loss": 2, "ctc@a.b": 1, "a.b.perplexity": 7.0, "ctc@a.b.hits": 0.75},
    ]
    found = curves.charts(log)
    titles = ["loss", "ctc@a.b", "validation scores", "a.b.perplexity", "ctc@a.b.hits"]
    assert [one.title for one in found] == titles
    (line,) = found[3].lines
    assert (line.name, line.measured) == ("training", [(1, 9.0), (2, 7.0)])
