"""The whole evaluation, bad input included."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from slp_core.errors import UserError
from slp_core.registry import Entry
from slp_core.schema import Bad, structure
from slp_train.metrics import spec
from slp_train.metrics.base import Metric
from slp_train.metrics.bleu import Bleu
from slp_train.metrics.edit import LetterAccuracy, WordErrorRate
from slp_train.metrics.evaluate import compare, default_metrics, evaluate_texts
from slp_train.metrics.rouge import RougeL

REFERENCES = ["Am Montag regnet es im Norden.", "Heute Nacht wird es kälter als gestern."]
HYPOTHESES = ["Am Montag schneit es im Norden.", "Heute wird es wärmer als gestern."]
SPECS = [value for value in vars(spec).values() if isinstance(value, spec.ComponentSpec)]


def test_default_metrics():
    scores = evaluate_texts(HYPOTHESES, REFERENCES, "de", resamples=50)
    assert [s.name for s in scores] == [
        "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "chrF", "chrF++", "TER", "ROUGE-L",
    ]  # fmt: skip
    for score in scores:
        low, high = score.interval
        assert low <= score.value <= high
        assert low <= score.mean <= high
        assert score.signature.startswith("nrefs:1|bs:50|seed:12345|")


def test_scores_equal_the_metrics_own():
    metrics = default_metrics("de")
    for score, metric in zip(
        evaluate_texts(HYPOTHESES, REFERENCES, metrics=metrics, resamples=0), metrics, strict=True
    ):
        assert score == metric.score(HYPOTHESES, REFERENCES)
        assert score.interval is None


@pytest.mark.parametrize("metric", default_metrics("de"), ids=lambda m: m.name)
def test_a_perfect_translation(metric):
    score = metric.score(REFERENCES, REFERENCES)
    assert score.value == pytest.approx(100 if metric.higher_is_better else 0)


def test_references_and_hypotheses_are_not_interchangeable():
    forth = evaluate_texts(["a b c d e"], ["a b c"], resamples=0)
    back = evaluate_texts(["a b c"], ["a b c d e"], resamples=0)
    different = {a.name for a, b in zip(forth, back, strict=True) if a.value != b.value}
    assert different == {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "chrF", "chrF++", "TER"}


def test_chinese_goes_to_the_chinese_tokenizer():
    scores = {s.name: s for s in evaluate_texts(["今天下雪"], ["今天下雨"], "zh", resamples=0)}
    assert "tok:zh" in scores["BLEU-1"].signature
    assert scores["BLEU-1"].value == pytest.approx(75)
    assert scores["ROUGE-L"].value == pytest.approx(75)
    assert scores["TER"].value == pytest.approx(25)


def test_compare():
    (bleu, wer) = compare(
        HYPOTHESES, REFERENCES, REFERENCES, metrics=[Bleu(), WordErrorRate()],
        resamples=100, trials=100,
    )  # fmt: skip
    assert (bleu.name, wer.name) == ("BLEU-4", "WER")
    assert bleu.b == pytest.approx(100)
    assert bleu.difference < 0 < wer.difference
    assert bleu.signature.startswith("nrefs:1|bs:100|ar:100|seed:12345|case:mixed")


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        (["a", "b"], ["a"], "2 hypotheses and 1 references.*row 2"),
        (["a"], ["a", "b", "c"], "1 hypotheses and 3 references.*row 2"),
        ([], [], "nothing to score"),
        (["a", "b"], ["a", ""], "references, row 2: empty"),
        (["a", "b", "c"], [" ", "b", "\u200b\t"], r"references, row 1, 3: empty \(2 of 3\)"),
        (["a", None], ["a", "b"], "hypotheses, row 2: None is not text"),
        (["a"], [3], "references, row 1: 3 is not text"),
        ("abc", ["a", "b", "c"], "hypotheses: one string"),
    ],
)
def test_bad_input_names_the_row(hypotheses, references, message):
    for metric in (Bleu(), RougeL(), LetterAccuracy()):
        with pytest.raises(UserError, match=message):
            metric.score(hypotheses, references)
    with pytest.raises(UserError, match=message):
        evaluate_texts(hypotheses, references)
    with pytest.raises(UserError, match=message):
        compare(hypotheses, hypotheses, references)


def test_empty_hypotheses_are_scored():
    for score in evaluate_texts(["", ""], REFERENCES, "de", resamples=20):
        assert score.value == (100 if score.name == "TER" else 0)


@pytest.mark.parametrize("component", SPECS, ids=lambda s: s.factory + "/" + s.config.__name__)
def test_every_spec_builds_a_metric(component):
    metric = component.load()(component.config(), None)
    assert isinstance(metric, Metric)
    assert component.kind == "metric"
    assert component.summary
    assert metric.score(REFERENCES, REFERENCES).value in (pytest.approx(100), 0)
    assert metric.statistics(HYPOTHESES, REFERENCES).shape[0] == 2


def test_specs_differ_where_names_do():
    names = [component.load()(component.config(), None).name for component in SPECS]
    assert len(set(names)) == len(SPECS) == 13


@pytest.mark.parametrize("component", SPECS, ids=lambda s: s.config.__name__)
def test_every_config_is_read_from_a_recipe(component):
    problems = {}
    assert structure({}, component.config, "metric", problems.__setitem__) == component.config()
    with pytest.raises(Bad):
        structure({"lower": True}, component.config, "metric", problems.__setitem__)
    assert list(problems) == ["metric.lower"]


def test_named_metrics_come_from_the_registry(monkeypatch):
    points = {"bleu": "BLEU", "bleu-1": "BLEU_1", "rouge": "ROUGE"}
    entries = tuple(
        Entry(
            "metric",
            name,
            "slp-train",
            "0",
            EntryPoint(name, f"slp_train.metrics.spec:{value}", "slp.metric"),
        )
        for name, value in points.items()
    )
    monkeypatch.setattr("slp_core.registry.entries", lambda: entries)
    scores = evaluate_texts(
        ["今天下雪"], ["今天下雪"], "zh", ["bleu-1", "bleu", RougeL()], resamples=0
    )
    assert [s.name for s in scores] == ["BLEU-1", "BLEU-4", "ROUGE-L"]
    assert "tok:zh" in scores[0].signature
    with pytest.raises(UserError, match='did you mean "bleu"'):
        evaluate_texts(["a"], ["a"], metrics=["blue"])


def test_specs_import_nothing_heavy():
    code = (
        "import sys, slp_train.metrics.spec\n"
        "heavy = {'torch', 'transformers', 'numpy', 'sacrebleu', 'rouge_score', 'nltk'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_metrics_import_no_torch():
    code = (
        "import sys, slp_train.metrics.evaluate, slp_train.controls, slp_train.overlap\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
