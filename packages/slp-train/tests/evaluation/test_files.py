"""Evaluations on disk, and two of them held against each other."""

import json

import pytest

from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_train.evaluation import compare_runs, print_comparison, read_evaluation


@pytest.fixture
def evaluated(toys, tmp_path):
    """``evaluated("a", say)``: a run's folder with the toy's evaluation of 30 samples."""
    splits = {
        "train": toys.make_manifest(tmp_path / "train.tsv", 30, 1),
        "test": toys.make_manifest(tmp_path / "test.tsv", 30, 2),
    }

    def make(name, say=None, metrics='"bleu", { use = "wer", lowercase = true }'):
        pipeline = toys.make_pipeline(say, f"\nmetrics = [{metrics}]")
        return toys.score(pipeline, splits, tmp_path / name)

    return make


def quoted(toys):
    return lambda steps, batch: '"' + " ".join(toys.WORDS[step] for step in steps[1:])


def test_written_and_read(toys, evaluated):
    folder = evaluated("a", quoted(toys))
    found = read_evaluation(folder)
    assert sorted(file.name for file in folder.iterdir()) == ["metrics.json", "predictions.tsv"]
    assert json.loads((folder / "metrics.json").read_text()) == json.loads(
        json.dumps(found.to_json())
    )
    assert found.metrics[1].options == {"lowercase": True}
    assert "case:lc" in found.whole.scores["WER"].signature
    assert isinstance(found.whole.scores["WER"].interval, tuple)
    assert len(found.predictions) == 30
    assert all(one.hypothesis.startswith('"') for one in found.predictions)
    assert found.predictions[0].seen is False
    rows = read_manifest(folder / "predictions.tsv")
    assert [row.get("hypothesis") for row in rows] == [one.hypothesis for one in found.predictions]


def test_unreadable_files(evaluated, tmp_path):
    with pytest.raises(UserError, match="run `slp evaluate"):
        read_evaluation(tmp_path)
    folder = evaluated("a")
    good = (folder / "metrics.json").read_text()
    for bad in ("{", "[]", '{"split": "test"}', good.replace('"split"', '"spilt"')):
        (folder / "metrics.json").write_text(bad)
        with pytest.raises(UserError, match="is no evaluation of this version"):
            read_evaluation(folder)
    (folder / "metrics.json").write_text(good)
    rows = (folder / "predictions.tsv").read_text()
    (folder / "predictions.tsv").write_text(rows.replace("\tno\n", "\tperhaps\n", 1))
    with pytest.raises(UserError, match=r"predictions\.tsv:2: is no prediction: 'perhaps'"):
        read_evaluation(folder)


def test_two_runs(toys, evaluated, capsys):
    good, bad = evaluated("good"), evaluated("bad", quoted(toys))
    compared = compare_runs(good, bad)
    json.dumps(compared)
    bleu, wer = compared["scores"]
    assert (bleu["name"], wer["name"]) == ("BLEU-4", "WER")
    assert bleu["a"] == pytest.approx(100)
    assert bleu["b"] == pytest.approx(read_evaluation(bad).whole.scores["BLEU-4"].value)
    assert bleu["difference"] > 0 > wer["difference"]
    assert bleu["p_bootstrap"] < 0.01 and bleu["p_randomisation"] < 0.01
    print_comparison(compared)
    assert "WER ↓" in capsys.readouterr().out


def test_order_of_samples_does_not_matter(toys, evaluated):
    a, b = (evaluated(name, say, '"wer"') for name, say in (("a", None), ("b", quoted(toys))))
    expected = compare_runs(a, b)["scores"][0]["b"]
    header, *rows = (b / "predictions.tsv").read_text().splitlines()
    (b / "predictions.tsv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert compare_runs(a, b)["scores"][0]["b"] == pytest.approx(expected)


def test_a_run_does_not_differ_from_itself(evaluated):
    run = evaluated("a", metrics='"wer"')
    (same,) = compare_runs(run, run)["scores"]
    assert (same["difference"], same["p_randomisation"]) == (0, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("test-7\t", "other\t", "b/predictions.tsv: has no sample test-7"),
        ("test-7\t", "test-7\tin fact ", "b/predictions.tsv: has another reference for test-7"),
    ],
)
def test_other_samples_are_not_compared(evaluated, old, new, message):
    a, b = evaluated("a"), evaluated("b")
    rows = (b / "predictions.tsv").read_text()
    assert old in rows
    (b / "predictions.tsv").write_text(rows.replace(old, new))
    with pytest.raises(UserError, match=message):
        compare_runs(a, b)


def test_a_sample_more_is_not_compared(evaluated):
    a, b = evaluated("a"), evaluated("b")
    lines = (b / "predictions.tsv").read_text()
    (b / "predictions.tsv").write_text(lines + "more\tes\tes\t0.5\t1\t1\tno\n")
    with pytest.raises(UserError, match=r"a/predictions\.tsv: has no sample more"):
        compare_runs(a, b)
