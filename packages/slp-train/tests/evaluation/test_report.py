"""The report of a run, of an unfinished one, and of several."""

import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from safetensors.numpy import save_file

from slp_core.confidence import Calibration
from slp_core.errors import UserError
from slp_core.manifest import write_manifest
from slp_core.moving import Film
from slp_train.evaluation.files import compare_runs
from slp_train.evaluation.scores import Prediction
from slp_train.report import examples, page, report
from slp_train.report.artefacts import read_run
from slp_train.report.players import Budget

STAGE = """
[[stages]]
name = "translate"
train = ["decoder"]
objectives = ["o"]
epochs = 1
"""
WEIGHTS = {
    "streams.hands.encoder.a": np.zeros((2, 3)),
    "streams.hands.encoder.b.c": np.zeros(4),
    "decoder.x": np.zeros((1000, 5)),
}
VOID = {"meta", "br", "input"}


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order; keeps the text and the attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        self.text += " "
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data


def shown(file):
    return " ".join(Balanced(file.read_text(encoding="utf-8")).text.split())


@pytest.fixture
def make_run(toys, tmp_path):
    """``make_run("a", say)``: a finished run of the toy."""
    splits = {
        "train": toys.make_manifest(tmp_path / "train.tsv", 30, 1),
        "test": toys.make_manifest(tmp_path / "test.tsv", 60, 2),
    }

    def make(name, say=None, metrics='"bleu", "wer"'):
        folder = tmp_path / "runs" / name
        toys.score(toys.make_pipeline(say, f"\nmetrics = [{metrics}]"), splits, folder)
        recipe = toys.RECIPE.replace('"toy"', f'"{name}"') + STAGE
        (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
        (folder / "translate").mkdir()
        log = [{"loss": 3.0, "step": 1}, {"loss": 2.0, "step": 2, "eval_loss": 2.5}]
        log.append({"step": 2, "eval_bleu": 31.25, "eval_loss": 2.25})
        write_log(folder, *map(json.dumps, log))
        (folder / "pipeline").mkdir()
        save_file(WEIGHTS, folder / "pipeline" / "model.safetensors")
        return folder

    return make


def write_log(folder, *lines):
    (folder / "translate" / "log.jsonl").write_text("\n".join(lines) + "\n")


def test_the_page_of_a_run(toys, make_run, monkeypatch):
    folder = make_run("toy <&> run", lambda steps, batch: "<b>" + toys.WORDS[steps[0]])
    (folder / "provenance.json").write_text('{"git": {"commit": "c0ffee"}, "seed": 0}')
    write_manifest(folder / "skipped.test.tsv", ["id", "where", "reason"], [["x", "y", "is empty"]])

    class Reader:
        def show(self, row, frames):
            strip = ['<path d="M1 2h0"/>'] * frames
            return {"hands": strip, "the same again": strip, "text": []}

        def play(self, row):
            return {"hands": Film(b"%d" % (row // 2), "video/webm", 1.0), "text": None}

    rows = {f"test-{n}": n for n in range(60)}
    monkeypatch.setattr(examples, "_open", lambda run: (Reader(), rows))
    file = report(folder)
    assert file == folder / "report.html"
    text, written = shown(file), file.read_text(encoding="utf-8")
    for words in (
        "toy <&> run", "60 of 60 test samples scored", "shuffled signals", "nearest sentence",
        "unseen sentences", "validation 2.25", "bleu 31.2", "c0ffee", "is empty", "seed 0",
        "decoder 5,000", "streams.hands.encoder 10", "5,010 parameters", "hypothesis <b>",
        "Its rank correlation with sentence chrF", 'use = "reader"', "WER ↓", "tok:13a",
    ):  # fmt: skip
        assert words in text, words
    assert '<dd class="said">&lt;b&gt;' in written
    assert written.count('d="M1 2h0"') == 8 * 2 * examples.EACH
    assert written.count('src="data:video/webm;base64,') == 2 * examples.EACH


def test_what_cannot_be_played_is_told(toys, make_run, monkeypatch):
    class Reader:
        def show(self, row, frames):
            if row == 0:
                raise UserError("it is gone")
            return {"hands": ["<path/>"]}

        def play(self, row):
            return {"hands": Film(bytes(60), "video/webm", 1.0)}  # 103 letters

    run = make_run("a")
    best = examples.examples(read_run(run), Budget()).best
    rows = {f"test-{n}": n for n in range(60)}
    rows = {name: 0 if name == best[0].prediction.id else 1 for name in rows}
    del rows[best[1].prediction.id]
    monkeypatch.setattr(examples, "_open", lambda run: (Reader(), rows))
    monkeypatch.setattr(page, "Budget", lambda: Budget(250))
    text = shown(report(run))
    assert text.count("The clip could not be opened: it is gone") == 1
    assert text.count("The manifest has no such row any more.") == 1
    assert "2 of the clips of the examples could not be opened" in text
    assert "4 of the clips of the examples cannot be played here" in text
    assert (run / "report.html").read_text().count("<video") == 2


def test_the_page_needs_nothing_else(make_run):
    page = Balanced(report(make_run("a")).read_text(encoding="utf-8"))
    assert not {"src", "href", "onload", "srcset"} & {name for name, _ in page.attributes}
    written = report(make_run("b")).read_text(encoding="utf-8")
    for word in ("<script ", "<link", "@import", "url(", "http:", "https:", "<iframe"):
        assert word not in written
    assert "prefers-color-scheme: dark" in written and "@media print" in written


def test_a_model_that_does_not_look_is_marked(make_run):
    assert 'class="lead good"' in report(make_run("a")).read_text()
    blind = report(make_run("b", lambda steps, batch: "es regnet")).read_text()
    assert 'class="lead doubtful"' in blind
    assert "nothing shows that the model uses the signal" in blind


def test_without_the_clips_there_are_no_strips(make_run, capsys):
    """The toy's parts are not installed."""
    run = make_run("a")
    capsys.readouterr()
    text = shown(report(run))
    assert f"{run}: The clips could not be opened:" in capsys.readouterr().err
    assert "The clips could not be opened:" in text
    assert "hypothesis" in text


def test_an_unfinished_run(make_run):
    folder = make_run("a")
    (folder / "metrics.json").unlink()
    write_log(folder, '{"loss": 3, "step": 1}', '{"loss": 2, "st')
    text = shown(report(folder))
    assert "Not evaluated yet." in text
    assert "training 3" in text
    (folder / "translate" / "log.jsonl").unlink()
    assert "Learning curves" not in shown(report(folder))


def test_the_data_are_found_where_the_run_was_trained(toys, make_run, tmp_path, monkeypatch):
    run = make_run("a")
    text = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(text.replace("[data]", '[data]\ntrain = "data/train.tsv"'))
    for place, rows in (("home", 5), ("other", 7), ("nowhere", 0)):
        (tmp_path / place / "data").mkdir(parents=True)
        if rows:
            toys.make_manifest(tmp_path / place / "data" / "train.tsv", rows, 0)
    monkeypatch.chdir(tmp_path / "nowhere")
    message = "data/train.tsv: there is no such manifest where this command is called"
    with pytest.raises(UserError, match=message):
        read_run(run).manifest("train")
    assert message in shown(report(run))
    (run / "provenance.json").write_text('{"called_from": "../../home"}')
    assert len(read_run(run).manifest("train")) == 5
    assert message not in shown(report(run))
    monkeypatch.chdir(tmp_path / "other")  # whose rows have the same names and are others
    assert len(read_run(run).manifest("train")) == 5
    (tmp_path / "home" / "data" / "train.tsv").unlink()
    assert len(read_run(run).manifest("train")) == 7
    with pytest.raises(UserError, match=r"the recipe has no data\.test"):
        read_run(run).manifest("test")


def test_what_is_no_run(tmp_path, make_run):
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match="is no run"):
            report(folder)
    with pytest.raises(UserError, match="no run was given"):
        report([])
    folder = make_run("a")
    write_log(folder, '{"loss": 3}', '{"loss": 2, "step": 2}')
    with pytest.raises(UserError, match=r"log\.jsonl:1: is no entry of a log"):
        report(folder)
    (folder / "translate" / "log.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"log\.jsonl: not UTF-8 at byte 0"):
        report(folder)
    write_log(folder)
    (folder / "provenance.json").write_text("{")
    with pytest.raises(UserError, match=r"provenance\.json: is damaged"):
        report(folder)


def test_a_resumed_log_has_each_step_once(make_run):
    folder = make_run("a")
    steps = [(1, 3.0), (2, 2.5), (3, 9.0), (2, 2.0), (3, 1.5)]
    write_log(folder, *(json.dumps({"step": step, "loss": loss}) for step, loss in steps))
    log = read_run(folder).logs["translate"]
    assert [(entry["step"], entry["loss"]) for entry in log] == [(1, 3.0), (2, 2.0), (3, 1.5)]


def test_several_runs(toys, make_run, tmp_path):
    good = make_run("good", metrics='"wer"')
    bad = make_run("bad", lambda steps, batch: toys.WORDS[steps[0]], '"wer"')
    file = report([good, bad])
    assert file == tmp_path / "runs" / "report.html"
    scores = [read_run(run).evaluation.whole.scores["WER"].value for run in (good, bad)]
    text = shown(file)
    assert "2 runs" in text
    assert f"{np.mean(scores):.1f} ± {np.std(scores, ddof=1):.1f}" in text
    by, worse = compare_runs(bad, good)["scores"][0], f"{scores[1] - scores[0]:.1f}"
    assert f"bad Worse by {worse} WER (p = 0.0001)." in text
    low, high = by["interval"]
    assert f"+{worse} {low:+.1f} to {high:+.1f} p = 0.0001" in text


def test_runs_on_other_samples_are_not_paired(toys, make_run, tmp_path):
    good, other = make_run("good"), make_run("other")
    rows = (other / "predictions.tsv").read_text()
    (other / "predictions.tsv").write_text(rows.replace("test-", "dev-"))
    text = shown(report([good, other]))
    assert "standard deviation" in text and "p = " not in text
    assert "other Not tested: " in text and "the runs cannot be compared" in text


def test_looking_at_a_report_needs_no_torch():
    code = "import sys, slp_train.evaluation, slp_train.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_plugins_add_sections(make_run, monkeypatch):
    class Hooks:
        @staticmethod
        def slp_report(run):
            return [[("Energy <kWh>", f"<p>3 kWh for {run.name}</p>")]]

    monkeypatch.setattr(page, "hooks", Hooks)
    text = shown(report(make_run("a")))
    assert "Energy <kWh> 3 kWh for a" in text


def test_examples_are_the_best_and_the_worst(toys, make_run):
    def half(steps, batch):
        return " ".join(toys.WORDS[step] for step in steps) if steps[0] % 2 else "nichts"

    run = read_run(make_run("a", half))
    found = examples.examples(run, Budget())
    best, worst = ([one.prediction for one in group] for group in (found.best, found.worst))
    assert len(best) == len(worst) == examples.EACH
    ordered = sorted(one.chrf for one in run.evaluation.predictions)
    assert [one.chrf for one in worst] == ordered[:4]
    assert [one.chrf for one in best] == [100] * 4
    whole = [one for one in run.evaluation.predictions if one.chrf == 100]
    assert len(best[0].reference) == max(len(one.reference) for one in whole)


def test_few_examples_come_once():
    def predictions(*texts):
        return [Prediction(str(n), text, "", 1, 0, n, None) for n, text in enumerate(texts)]

    class Evaluation:
        split = "test"

    class Run:
        recipe = None
        evaluation = Evaluation()

    for texts, best, worst in (
        ("a", "a", ""),
        ("ab", "b", "a"),
        ("abc", "c", "a"),
        ("aa", "a", ""),
    ):
        Run.evaluation.predictions = predictions(*texts)
        found = examples.examples(Run(), Budget())
        assert "".join(one.prediction.reference for one in found.best) == best
        assert "".join(one.prediction.reference for one in found.worst) == worst


def test_the_page_tells_what_confidence_is_worth(toys, make_run, monkeypatch):
    text = shown(report(make_run("plain")))
    assert "no quality is expected" in text and "expected from" not in text
    assert "Withholding the least sure" in text and "Spelled names" not in text
    calibration = Calibration((0.0, 1.0), (0.0, 1.0), "chrF", "test", 60, {})
    made = toys.make_pipeline
    monkeypatch.setattr(toys, "make_pipeline", lambda *_: calibrated(made(*_), calibration))
    folder = make_run("calibrated")
    scored = json.loads((folder / "metrics.json").read_text())
    scored["names"] = {"samples": 7, "said": 42.0, "offered": 84.0}
    (folder / "metrics.json").write_text(json.dumps(scored))
    text = shown(report(folder))
    worth = scored["confidence"]
    for words in (
        f"is {worth['expected']['error']:.3f} from its quality", "expected from",
        f"stays below {worth['expected']['chance']:.3f}", "quality, by expected quality",
        f"60 % 36 {worth['kept'][2]['expected']:.3f} {worth['kept'][2]['chrf']:.1f}",
        "the translations that the calibration was fitted to", "as expected",
        "are in 42.0 % of the 7", "expert offers, in 84.0 %",
    ):  # fmt: skip
        assert words in text, words


def calibrated(pipeline, calibration):
    pipeline.calibration = calibration
    return pipeline
