"""What the report says confidence is worth, by bins of predictions that are told beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_train.evaluation.scores import Prediction
from slp_train.report.confidence import reliability, spearman


def predictions(confidences, chrfs, expect=lambda confidence: None):
    return [
        Prediction(str(n), "a", "a" if chrf == 100 else "b", sure, 0.0, chrf, None, expect(sure))
        for n, (sure, chrf) in enumerate(zip(confidences, chrfs, strict=True))
    ]


def test_reliability():
    confidences = np.linspace(0, 1, 50)
    found = reliability(predictions(confidences, 100.0 * (confidences > 0.5)))
    assert [one.samples for one in found.bins] == [5] * 10
    assert [one.exact for one in found.bins] == [100] * 5 + [0] * 5
    assert [one.chrf for one in found.bins] == [100] * 5 + [0] * 5
    assert [one.expected for one in found.bins] == [None] * 10 and found.chart is None
    assert found.bins[0].high == 1 and found.bins[-1].low == 0
    assert found.verdict.endswith("well.")
    assert reliability(predictions([0.5] * 49, [1.0] * 49)) is None
    backwards = reliability(predictions(confidences, 100.0 * (confidences < 0.5)))
    assert "does not tell" in backwards.verdict
    assert "does not tell" in reliability(predictions([0.5] * 50, [1.0] * 50)).verdict


def test_reliability_is_drawn_over_what_is_expected():
    confidences = np.arange(50) / 50
    found = reliability(predictions(confidences, 50 * confidences, lambda sure: sure / 4))
    assert found.bins[0].expected == pytest.approx(np.mean(confidences[-5:]) / 4)
    measured, diagonal = found.chart.lines
    expected = [(np.mean(part) / 4, np.mean(part) / 2) for part in np.split(confidences, 10)]
    assert np.array(measured.measured) == pytest.approx(np.array(expected))
    (left, bottom), (right, top) = diagonal.drawn
    for (x, y), (along, up) in zip(measured.drawn, expected, strict=True):
        assert (x - left) / (right - left) == pytest.approx(along)
        assert (y - bottom) / (top - bottom) == pytest.approx(up)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_rank_correlation_equals_scipys(pairs):
    stats = pytest.importorskip("scipy.stats")
    a, b = np.array(pairs, dtype=float).T
    if a.std() and b.std():
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    else:
        assert np.isnan(spearman(a, b))
