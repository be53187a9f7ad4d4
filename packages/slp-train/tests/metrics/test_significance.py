"""Bootstrap and paired tests against sacreBLEU's, closed forms, and their own promise."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest, _bootstrap_resample

from slp_train.metrics.bleu import Bleu
from slp_train.metrics.chrf import Chrf
from slp_train.metrics.edit import WordErrorRate
from slp_train.metrics.significance import (
    bootstrap_p,
    compare_statistics,
    percentile_interval,
    randomisation_p,
    resampled,
)

SENTENCES = 61  # odd, so that a generator drawn from in rows would show
WORDS = ["am", "montag", "regnet", "es", "im", "norden", "und", "süden", "sonne", "heute", "kalt"]


def corrupted(references, rate, seed):
    rng = np.random.default_rng(seed)
    return [
        " ".join(rng.choice(WORDS) if rng.random() < rate else word for word in text.split())
        for text in references
    ]


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    references = [" ".join(rng.choice(WORDS, size=rng.integers(5, 12))) for _ in range(SENTENCES)]
    return corrupted(references, 0.35, 1), corrupted(references, 0.42, 2), references


@pytest.fixture(autouse=True)
def default_seed(monkeypatch):
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)


@pytest.mark.parametrize(("metric", "upstream"), [(Bleu(), BLEU()), (Chrf(), CHRF())])
def test_resamples_are_sacrebleus(texts, metric, upstream):
    hypotheses, _, references = texts
    score = upstream.corpus_score(hypotheses, [references], n_bootstrap=1000)
    scores = resampled(metric, metric.statistics(hypotheses, references))[0]
    expected = [
        s.score
        for s in _bootstrap_resample(
            upstream._extract_corpus_statistics(hypotheses, [references]), upstream, 1000
        )[1]
    ]
    assert scores == pytest.approx(expected, rel=1e-5)  # sacreBLEU resamples in float32
    assert scores.mean() == pytest.approx(score._mean, rel=1e-5)
    low, high = percentile_interval(scores)
    assert (high - low) / 2 == pytest.approx(score._ci, rel=0.02)
    assert low < score.score < high


def test_randomisation_equals_sacrebleu(texts):
    a, b, references = texts
    paired = PairedTest([("a", a), ("b", b)], {"BLEU": BLEU()}, [references], "ar", 500)()[1]
    metric = Bleu()
    ours = randomisation_p(
        metric, metric.statistics(a, references), metric.statistics(b, references), trials=500
    )
    assert 0.01 < ours < 0.9
    assert ours == pytest.approx(paired["BLEU"][1].p_value)


def test_paired_bootstrap_holds_sacrebleus(texts):
    a, b, references = texts
    paired = PairedTest([("a", a), ("b", b)], {"BLEU": BLEU()}, [references], "bs", 1000)()[1]
    metric = Bleu()
    stats = metric.statistics(a, references), metric.statistics(b, references)
    scores = resampled(metric, *stats)
    observed = metric.from_statistics(stats[0].sum(0)) - metric.from_statistics(stats[1].sum(0))
    absolute = np.abs(scores[0] - scores[1])
    one_tail = (np.sum(absolute - absolute.mean() > abs(observed)) + 1) / 1001
    assert one_tail == pytest.approx(paired["BLEU"][1].p_value)
    assert bootstrap_p(scores[0] - scores[1], observed) > 1.3 * one_tail


def test_randomisation_closed_form():
    # a right and b wrong in each of five one-word sentences: of the 32 ways to swap, two
    # give a difference as large
    metric = WordErrorRate()
    right, wrong = np.array([[0.0, 1]] * 5), np.array([[1.0, 1]] * 5)
    assert randomisation_p(metric, right, wrong) == pytest.approx(2 / 32, abs=0.01)


def test_bootstrap_closed_form():
    # two sentences, a better in one: the resampled difference is 0, 1/2, 1 with weights
    # 1/4, 1/2, 1/4, and half of that is as far from 1/2 as 1/2 is from 0
    metric = WordErrorRate()
    a, b = np.array([[0.0, 1], [0, 1]]), np.array([[1.0, 1], [0, 1]])
    compared = compare_statistics(metric, a, b, resamples=4000, trials=10)
    assert compared.difference == -50
    assert compared.interval == (-100, 0)
    assert compared.p_bootstrap == pytest.approx(0.5, abs=0.03)


def test_a_system_never_differs_from_itself(texts):
    hypotheses, _, references = texts
    metric = Bleu()
    stats = metric.statistics(hypotheses, references)
    same = compare_statistics(metric, stats, stats, resamples=50, trials=50)
    assert (same.difference, same.interval) == (0, (0, 0))
    assert (same.p_bootstrap, same.p_randomisation) == (1, 1)


def test_p_values_do_not_depend_on_the_order_of_systems(texts):
    a, b, references = texts
    metric = Bleu()
    stats = metric.statistics(a, references), metric.statistics(b, references)
    forth, back = (compare_statistics(metric, *s, 200, 200) for s in (stats, stats[::-1]))
    assert forth.difference == -back.difference
    assert forth.p_bootstrap == back.p_bootstrap
    assert forth.p_randomisation == back.p_randomisation


def test_tests_reject_as_often_as_they_say():
    """Of systems that are equally good, one in twenty differs at p < 0.05."""
    metric = WordErrorRate()
    rng = np.random.default_rng(7)
    found = []
    for seed in range(200):
        a, b = (np.stack([rng.poisson(3, 50), np.full(50, 10)], 1).astype(float) for _ in "ab")
        compared = compare_statistics(metric, a, b, 99, 99, seed)
        found.append([compared.p_bootstrap, compared.p_randomisation])
    rejected = (np.array(found) < 0.05).mean(axis=0)
    assert np.all((rejected > 0.02) & (rejected < 0.085)), rejected  # a one-sided test: 0.10


def test_the_interval_covers_the_truth_as_often_as_it_says():
    metric = WordErrorRate()
    rng = np.random.default_rng(8)
    covered = 0
    for seed in range(200):
        stats = np.stack([rng.poisson(3, 60), np.full(60, 10)], 1).astype(float)
        low, high = percentile_interval(resampled(metric, stats, resamples=150, seed=seed)[0])
        covered += low <= 30 <= high
    assert 0.90 <= covered / 200 <= 0.985


def test_is_deterministic_in_the_seed(texts):
    hypotheses, _, references = texts
    metric = Chrf()
    stats = metric.statistics(hypotheses, references)
    first, again, other = (resampled(metric, stats, resamples=20, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
