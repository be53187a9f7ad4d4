"""Learning what confidence is worth, and measuring whether that holds."""

import json

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from slp_core.confidence import Calibration
from slp_core.parts import Note
from slp_train.evaluation import (
    calibrate,
    evaluate,
    print_evaluation,
    read_evaluation,
    write_evaluation,
)
from slp_train.evaluation.calibration import fit, gap, isotonic, judge
from slp_train.evaluation.tables import confidence_line, names_line

values = st.lists(
    st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.integers(1, 3)), min_size=1, max_size=12
)


def best(values, weights):
    """The isotonic regression in closed form: max over what begins before, min over what ends
    after, of the mean (Robertson, Wright and Dykstra 1988, 1.4.4)."""
    n = len(values)

    def mean(first, last):
        return np.average(values[first : last + 1], weights=weights[first : last + 1])

    return [
        max(min(mean(first, last) for last in range(i, n)) for first in range(i + 1))
        for i in range(n)
    ]


@given(values)
def test_isotonic_is_the_closed_form_and_scipys(pairs):
    y, weights = np.array(pairs, dtype=float).T
    found = isotonic(y, weights)
    assert found == pytest.approx(best(y, weights))
    optimize = pytest.importorskip("scipy.optimize")
    assert found == pytest.approx(optimize.isotonic_regression(y, weights=weights).x)


def fitted(raw, quality):
    confidence, expected = fit(raw, quality)
    return Calibration(confidence.tolist(), expected.tolist(), "", "", len(raw), {})


@given(st.integers(1, 60), st.integers(0, 99))
def test_a_fit_is_of_tens_and_has_no_more_points_than_it_needs(samples, seed):
    rng = np.random.default_rng(seed)
    raw = rng.permutation(samples) / samples
    quality = np.clip(raw + rng.normal(0, 0.4, samples), 0, 1)
    calibration = fitted(raw, quality)
    pairs = sorted(zip(raw, quality, strict=True))
    tens = np.array_split(np.array(pairs), max(samples // 10, 1))
    points, means = np.array([ten.mean(0) for ten in tens]).T
    sizes = [len(ten) for ten in tens]
    assert [calibration(one) for one in points] == pytest.approx(best(means, sizes))
    assert len(calibration.confidence) <= 2 * len(set(calibration.expected))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=60))
def test_equal_confidences_can_be_fitted(pairs):
    raw, quality = np.array(pairs, dtype=float).T / 6
    calibration = fitted(raw, quality)
    assert calibration.expected[0] >= quality.min() and calibration.expected[-1] <= quality.max()
    if len(set(raw)) == 1:
        assert calibration(0.5) == pytest.approx(quality.mean())


def test_one_lucky_translation_promises_nothing():
    raw, quality = np.arange(50) / 50, np.full(50, 0.2)
    quality[-1] = 1
    assert fitted(raw, quality)(1.0) == pytest.approx(0.2 + 0.8 / 10)


def test_what_is_no_confidence_is_none():
    raw, quality = np.append(np.arange(1, 50) / 50, np.nan), np.append(np.ones(49), 0)
    assert fitted(raw, quality).expected[0] == pytest.approx(0.9)
    judged = judge(raw, [None] * 50, quality, in_sample=False)
    assert judged.kept[1].chrf == 100 and judged.raw.error > 0


@pytest.fixture
def rows(toys, tmp_path):
    return toys.make_manifest(tmp_path / "validation.tsv", 60, 3)


def half(toys):
    """Long sentences end in the middle; the toy is the less sure the more it says."""
    return lambda steps, batch: " ".join(toys.WORDS[step] for step in steps[: 3 + len(steps) // 3])


def test_calibrated_on_translations_of_the_recipes_settings(toys, rows):
    pipeline = toys.make_pipeline(half(toys), "\ngeneration = { num_beams = 3 }")
    dataset = toys.make_dataset(pipeline, rows)
    found = calibrate(pipeline, dataset, "validation")
    assert (found.split, found.samples, found.generation) == ("validation", 60, {"num_beams": 3})
    assert found.quality == "sentence chrF / 100"
    assert pipeline.decoder.options[0] == {"num_beams": 3}
    raw, quality = [], []
    for row in rows:
        text = half(toys)([int(sign) for sign in row.get("signs").split()], None)
        raw.append(1 / (1 + len(text)))
        quality.append(sacrebleu.sentence_chrf(text, [row.get("text")]).score / 100)
    confidence, expected = fit(raw, quality)
    assert found.confidence == pytest.approx(confidence)
    assert found.expected == pytest.approx(expected)
    assert len(found.expected) > 1


def test_few_rows_calibrate_nothing(toys, tmp_path, capsys):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, toys.make_manifest(tmp_path / "few.tsv", 49, 3))
    assert calibrate(pipeline, dataset, "validation") is None
    assert "validation: 49 rows are too few" in capsys.readouterr().err
    assert pipeline.decoder.options == []


def test_gap_by_hand():
    promised = np.array([0.9, 0.7, 0.5, 0.3, 0.1])
    quality = np.array([0.5, 0.7, 0.9, 0.3, 0.0])
    # of three bins, [0.9 0.7], [0.5 0.3] and [0.1]: |0.2| 2/5, |-0.2| 2/5, |0.1| 1/5
    found = gap(promised, quality, bins=3)
    assert found.error == pytest.approx(0.18)
    perfect = gap(quality, quality, bins=3)
    assert perfect.error == perfect.chance == 0 < found.chance < 0.4
    assert gap(promised, quality, bins=1).error == pytest.approx(0.02)


@pytest.mark.parametrize("shift", [0, 1])
def test_chance_in_one_bin_is_that_of_a_mean(shift):
    """|mean| of n differences of deviation s is below 1.96 s / sqrt(n) in 95 of 100 draws,
    whatever the error is."""
    promised = np.random.default_rng(0).normal(shift, 0.2, 400)
    found = gap(promised, np.zeros(400), bins=1)
    assert found.chance == pytest.approx(1.96 * promised.std(ddof=1) / 20, rel=0.1)
    assert found.error == pytest.approx(abs(promised.mean()))


def test_chance_is_what_perfect_promises_make():
    """Promises that are the mean quality, on fresh draws: one in twenty is above."""
    rng = np.random.default_rng(0)
    promised = np.sort(rng.uniform(0.2, 0.8, (200, 60)))
    quality = promised + rng.uniform(-0.2, 0.2, promised.shape)
    pairs = zip(promised, quality, strict=True)
    found = [gap(p, q, resamples=200) for p, q in pairs]
    assert 0.005 < np.mean([one.error > one.chance for one in found]) < 0.12


def test_what_is_kept_gets_better_and_says_where_to_cut():
    rng = np.random.default_rng(1)
    raw = rng.permutation(100) / 100
    found = judge(raw, raw / 2, raw**2, in_sample=False)
    assert [(one.coverage, one.samples) for one in found.kept] == [
        (1, 100), (0.8, 80), (0.6, 60), (0.4, 40),
    ]  # fmt: skip
    for one in found.kept:
        left = np.arange(100 - one.samples, 100) / 100
        assert one.chrf == pytest.approx(100 * (left**2).mean())
        assert one.expected == pytest.approx(left.min() / 2)
    gaps = [abs((part - part**2).mean()) for part in np.array_split(np.arange(100) / 100, 10)]
    assert found.raw.error == pytest.approx(np.mean(gaps))
    assert found.expected.error != found.raw.error and not found.in_sample


def test_without_a_calibration_nothing_is_promised():
    raw = np.linspace(0, 1, 50)
    found = judge(raw, [None] * 50, raw, in_sample=True)
    assert found.expected is None and not found.in_sample
    assert "no expected quality" in confidence_line(found)
    assert [one.expected for one in found.kept] == [None] * 4
    assert judge(raw[1:], raw[1:], raw[1:], in_sample=False) is None


def test_a_calibrated_run_on_disk(toys, rows, tmp_path, capsys):
    pipeline = toys.make_pipeline(half(toys), '\nmetrics = ["chrf"]\ncontrols = false')
    splits = {"validation": rows, "test": toys.make_manifest(tmp_path / "test.tsv", 70, 4)}
    pipeline.calibration = calibrate(pipeline, toys.make_dataset(pipeline, rows), "validation")
    scored = {
        name: evaluate(pipeline, toys.make_dataset(pipeline, manifest), splits, name)
        for name, manifest in splits.items()
    }
    own, test = scored["validation"].confidence, scored["test"].confidence
    assert own.in_sample and not test.in_sample
    assert own.expected.error < own.raw.error and test.expected.error < test.raw.error
    print_evaluation(scored["test"])
    told = " ".join(capsys.readouterr().err.split())
    assert f"expected quality {test.expected.error:.3f}" in told and "these very" not in told
    assert "these very translations" in confidence_line(own)
    write_evaluation(scored["test"], tmp_path)
    again = read_evaluation(tmp_path)
    assert again.confidence == test
    assert [one.expected for one in again.predictions] == pytest.approx(
        [pipeline.calibration(one.confidence) for one in scored["test"].predictions], abs=1e-6
    )
    header = (tmp_path / "predictions.tsv").read_text().splitlines()[0].split("\t")
    assert header[-1] == "expected"


def test_names_are_counted_before_and_after_what_is_offered(toys, tmp_path, monkeypatch):
    manifest = toys.make_manifest(tmp_path / "test.tsv", 60, 5, letters="OSTEN SONNE")
    pipeline = toys.make_pipeline(None, '\nmetrics = ["chrf"]\ncontrols = false')
    said = {}

    def note(text):
        both = {"Osten", "Sonne"} <= set(text.split())
        more = len(text.split()) > 5 and not both
        said[text] = (both, more)
        return [Note("names", "a\tname", f"{text} sonne, osten .")] if more else []

    class Verbs:
        @staticmethod
        def slp_after_translation(pipeline, translations):
            return [[note(one.text) for one in translations]]

    monkeypatch.setattr("slp_core.pipeline.hooks", Verbs)
    dataset = toys.make_dataset(pipeline, manifest)
    found = evaluate(pipeline, dataset, {"test": manifest}, "test")
    told = [said[one.hypothesis] for one in found.predictions]
    assert found.names.samples == 60
    assert found.names.said == pytest.approx(100 * np.mean([both for both, _ in told]))
    assert found.names.offered == pytest.approx(100 * np.mean([a or b for a, b in told]))
    assert 0 < found.names.said < found.names.offered < 100
    assert f"{found.names.said:.1f} % of 60 samples" in names_line(found.names)
    write_evaluation(found, tmp_path)
    again = read_evaluation(tmp_path)
    assert again.names == found.names and again.predictions[0].expected is None
    assert [one.offer for one in again.predictions] == [one.offer for one in found.predictions]
    assert {one.notes for one in again.predictions} == {"", "a name"}
    assert json.loads((tmp_path / "metrics.json").read_text())["names"]["samples"] == 60


def test_no_names_were_spelled(toys, rows):
    pipeline = toys.make_pipeline(None, '\nmetrics = ["chrf"]\ncontrols = false')
    found = evaluate(pipeline, toys.make_dataset(pipeline, rows), {"test": rows}, "test")
    assert found.names is None
