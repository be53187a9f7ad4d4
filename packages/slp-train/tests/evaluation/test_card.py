"""The card of a run: what it says, what it says it does not know, and what it never says."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from safetensors.numpy import save_file

import slp_train.card
from slp_core.confidence import Calibration
from slp_core.errors import UserError
from slp_core.spec import ComponentSpec, DataFacts
from slp_train.card import data, missing_facts, render_card, write_card
from slp_train.card.facts import FACTS
from slp_train.card.head import _metric
from slp_train.card.page import MARK
from slp_train.evaluation.scores import verdict
from slp_train.report.artefacts import read_run

NEVER = re.compile(r"interpreter|human[- ]level|human parity|state[- ]of[- ]the[- ]art", re.I)
EVIL = "<script>alert(1)</script> | a\n\n# heading"
STAGES = """
[[stages]]
name = "translate"
train = ["decoder"]
objectives = ["o"]
epochs = 2
"""
PROVENANCE = {
    "seed": 7, "date": "2026-01-02T03:04:05+00:00", "python": "3.11.0", "parameters": 1234,
    "libraries": {"torch": "2.9"}, "git": {"commit": "c0ffee", "changed": True},
    "parts": {
        "streams.hands.processor": {"part": "signs", "package": "slp-toy", "version": "1.0"},
        "streams.hands.encoder": {"part": "same", "package": "slp-toy", "version": "1.0"},
        "decoder": {"part": "reader", "package": "slp-llm", "version": "2.0"},
    },
    "data": {
        "train": {"file": "data/weather/train.tsv", "rows": 30, "sha256": "ab" * 32, "signers": 9,
                  "sign_languages": ["gsg"], "languages": ["de"]},
        "test": {"file": "data/weather/test.tsv", "rows": 60, "sha256": "cd" * 32, "signers": 3,
                 "new_signers": 2, "sign_languages": ["gsg"], "languages": ["de"]},
    },
}  # fmt: skip
FULL = """
title = "Weather"
authors = "A. Author"
contact = "a@example.org"
domain = "weather forecasts"
signers = "nine hearing signers"
consent = "asked and written down"
data_licence = "CC BY-NC-SA 3.0"
licence = "cc-by-nc-sa-3.0"
uses = ["finding forecasts"]
limitations = ["numbers above twenty"]
misuses = ["dubbing"]
notes = "See **there**."

[[evaluations]]
who = "two signers from Hamburg"
languages = "DGS from birth"
how = "50 sentences each"
findings = "half are wrong"
"""


@pytest.fixture(scope="module")
def finished(toys, tmp_path_factory):
    home = tmp_path_factory.mktemp("cards")
    splits = {name: toys.make_manifest(home / f"{name}.tsv", rows, seed)
              for name, rows, seed in (("train", 30, 1), ("test", 60, 2))}  # fmt: skip
    pipeline = toys.make_pipeline(None, '\nmetrics = ["bleu", "wer"]')
    pipeline.calibration = Calibration([0.1], [0.4], "chrF", "validation", 60, {})
    folder = toys.score(pipeline, splits, home / "run")
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    (folder / "translate").mkdir()
    (folder / "translate" / "result.json").write_text('{"steps": 42, "seconds": 1.5}')
    recipe = toys.RECIPE.replace("[data]", 'paper = "arXiv:1"\n[data]\ntest = "weather/test.tsv"')
    recipe = recipe.replace('use = "reader"', 'use = "reader"\nmodel = "google/mt5-small"')
    (folder / "pipeline").mkdir()
    for place in (folder, folder / "pipeline"):
        (place / "recipe.toml").write_text(recipe + STAGES)
    save_file({"decoder.x": np.zeros(5)}, folder / "pipeline" / "model.safetensors")
    pipeline.calibration.save(folder / "pipeline")
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def problems(card: str) -> list[str]:
    """What the hub's own check would say of a head, by its published rules, without a network."""
    head = yaml.safe_load(re.fullmatch(r"---\n(.*?)\n---\n.*", card, re.S)[1])
    bad = [key for key in ("library_name", "pipeline_tag", "license", "license_name")
           if key in head and not isinstance(head[key], str)]  # fmt: skip
    bad += [key for key in ("language", "tags", "metrics")
            if not all(isinstance(one, str) for one in head.get(key, []))]  # fmt: skip
    bad += [f"language {one}" for one in head.get("language", [])
            if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", one)]  # fmt: skip
    bad += [f"base_model {one}" for one in head.get("base_model", [])
            if not re.fullmatch(r"[\w.-]+/[\w.-]+", one)]  # fmt: skip
    if head.get("license") == "other" and "license_name" not in head:
        bad.append("license_name is missing")
    if not re.fullmatch(r"[a-z0-9.-]*", head.get("license_name", "")):
        bad.append("license_name")
    for model in head.get("model-index", []):
        if not isinstance(model.get("name"), str):
            bad.append("model-index has no name")
        for result in model["results"]:
            bad += [f"task {result['task']}"] if "type" not in result["task"] else []
            if not re.fullmatch(r"[\w.-]+", result["dataset"].get("type", "")):
                bad.append(f"dataset type {result['dataset']}")
            bad += [f"dataset {result['dataset']}"] if "name" not in result["dataset"] else []
            bad += [f"metric {one}" for one in result["metrics"]
                    if not {"type", "value"} <= set(one)]  # fmt: skip
    return bad


def test_the_head_is_what_the_hub_reads(run):
    (run / FACTS).write_text(FULL)
    card = render_card(run)
    assert problems(card) == []
    read = ModelCard(card).data
    assert read.language == ["gsg", "de"] and read.license == "cc-by-nc-sa-3.0"
    assert read.base_model == ["google/mt5-small"] and read.model_name == "Weather"
    assert read.metrics == ["bleu", "wer"]
    scores = read_run(run).evaluation.whole.scores
    assert {one.metric_name: one.metric_value for one in read.eval_results} == {
        name: round(one.value, 2) for name, one in scores.items()
    }
    first = read.eval_results[0]
    assert first.dataset_name == "weather" and first.dataset_split == "test"
    assert first.metric_args == {"signature": scores[first.metric_name].signature}


def test_a_head_without_facts_is_valid_and_says_less(run):
    (run / "metrics.json").unlink()
    (run / "provenance.json").unlink()
    card = render_card(run)
    head = yaml.safe_load(card.split("---")[1])
    assert problems(card) == []
    assert not {"license", "language", "model-index", "model_name", "metrics"} & set(head)


@pytest.mark.parametrize(
    ("written", "head"),
    [
        ("mit", {"license": "mit"}),
        ("CC-BY-NC-SA-4.0", {"license": "other", "license_name": "cc-by-nc-sa-4.0"}),
        ("RWTH research licence", {"license": "other", "license_name": "rwth-research-licence"}),
    ],
)
def test_licences_as_the_hub_has_them(run, written, head):
    (run / FACTS).write_text(f'licence = "{written}"\nlicence_link = "https://example.org"')
    card = render_card(run)
    found = yaml.safe_load(card.split("---")[1])
    assert problems(card) == [] and head.items() <= found.items()
    assert ("license_link" in found) == (head["license"] == "other")


def test_what_is_known_is_said(run):
    (run / FACTS).write_text(FULL)
    card = render_card(run)
    scored = read_run(run).evaluation
    low, high = scored.whole.scores["BLEU-4"].interval
    for words in (
        "# Weather", "gsg into written language `de`, from signs", "arXiv:1", "weather forecasts",
        "nine hearing signers; train: 9; test: 3, 2 of them not in training", "asked and written",
        "| Licence of the data | CC BY-NC-SA 3.0 |", "| the model | 100.0 (100.0 – 100.0) | 0.0",
        f"100.0 ({low:.1f} – {high:.1f})", "shuffled signals |", "| WER ↓ |", verdict(scored),
        scored.whole.scores["WER"].signature, "60 translations of the validation split",
        "Expected calibration error over 10 bins of the test split: ", "two signers from Hamburg",
        "half are wrong", "| Date | not stated |", "- numbers above twenty", "- dubbing",
        "- finding forecasts", "30 samples of 9 signers",
        "| translate | decoder | o | 2 epochs | 42 |",
        "`streams.hands.encoder` | same | slp-toy 1.0", "ab" * 32, "Seed 7; 1,234 parameters",
        "torch 2.9; commit `c0ffee` with changes that are not in it", "See **there**.",
        "pip install slp-cli slp-llm slp-toy",
    ):  # fmt: skip
        assert words in card, words
    assert "not yet" not in card and missing_facts(run) == []


def test_what_is_not_known_is_said_too(run):
    for file in ("metrics.json", "provenance.json", "translate/result.json",
                 "pipeline/confidence.json"):  # fmt: skip
        (run / file).unlink()
    card = render_card(run)
    for words in (
        "(which one is not stated) into written language (which one is not stated)",
        "| Domain | not stated |", "| Licence of the data | not stated |", "not described",
        "**Not yet evaluated by Deaf signers.**", "| Judged by Deaf signers | **not yet** |",
        "Not evaluated yet: nothing is known of its quality", "It is not calibrated",
        "Nothing shows that it looks at the signing", "With which versions is not recorded",
        "What it was trained on is not recorded", "| 2 epochs | not recorded |",
        "how much that is, is not recorded", "## What it must not be used for",
    ):  # fmt: skip
        assert words in card, words
    assert card.count("| not yet evaluated by Deaf signers |") == 5
    assert missing_facts(run) == ["sign_languages", "domain", "consent", "data_licence", "licence",
                                  "contact", "evaluations"]  # fmt: skip


def test_what_a_corpus_tells_stands_where_its_author_is_silent(run, monkeypatch):
    told = DataFacts(domain="the weather", signers="nine interpreters", consent="given")
    spec = ComponentSpec("corpus", object, "a:b", summary="Forecasts", facts=told)
    monkeypatch.setattr(data, "configured", lambda kind, use: (None, spec, None))
    for file in (run / "recipe.toml", run / "pipeline" / "recipe.toml"):
        file.write_text(file.read_text().replace("[data]", '[data]\ncorpus = "forecasts"'))
    (run / FACTS).write_text('domain = "weather at sea"')
    card = render_card(run)
    for words in ("| Domain | weather at sea |", "| nine interpreters; train: 9;", "| given |",
                  "| Licence of the data | not stated |"):  # fmt: skip
        assert words in card, words
    assert missing_facts(run) == ["data_licence", "licence", "contact", "evaluations"]
    monkeypatch.undo()  # the toy's corpus is not installed
    assert "| Their consent | not stated |" in render_card(run)


def test_the_run_is_named_without_where_it_lies(run, monkeypatch):
    monkeypatch.chdir(run)
    assert str(run.parent) not in render_card(run)
    for folder in (run, Path()):
        assert 'from_pretrained("runs/run")' in render_card(folder)


def test_what_flatters_is_marked(run):
    written = json.loads((run / "metrics.json").read_text())
    written |= {"split": "validation"}
    written["confidence"] |= {"in_sample": True}
    written["confidence"]["expected"] = written["confidence"]["raw"]
    (run / "metrics.json").write_text(json.dumps(written))
    card = render_card(run)
    assert "**not the test split**" in card and "calibration was fitted to: on others" in card
    (run / "metrics.json").write_text(json.dumps(written | {"controls": []}))
    card = render_card(run)
    assert "No blindness controls were run" in card
    assert "Nothing shows that it looks at the signing" in card


@pytest.mark.parametrize(
    ("name", "known"),
    [("BLEU-1", "bleu"), ("chrF++", "chrf"), ("ROUGE-L", "rouge"), ("TER", "ter"), ("WER", "wer"),
     ("letter accuracy", "letter_accuracy")],
)  # fmt: skip
def test_metrics_as_the_hub_calls_them(name, known):
    assert _metric(name) == known


def test_text_is_given_as_text(run):
    for file in (run / "recipe.toml", run / "pipeline" / "recipe.toml"):
        more = 'signal = "signs"\nprocessor = { use = "text" }'
        file.write_text(file.read_text().replace('signal = "signs"', more))
    card = render_card(run)
    assert 'translate("RAIN TOMORROW")' in card and " 'RAIN TOMORROW'\n" in card


@pytest.mark.parametrize("facts", ["", FULL])
def test_no_card_promises_what_only_people_can_do(run, facts):
    (run / FACTS).write_text(facts)
    assert not NEVER.search(render_card(run))
    sources = [*Path(slp_train.card.__file__).parent.iterdir()]
    assert {"card.md.jinja", "page.py"} <= {file.name for file in sources}
    for file in sources:
        if file.is_file():
            assert not NEVER.search(file.read_text(encoding="utf-8")), file


def test_words_stay_words(run):
    keys = ("title", "domain", "signers", "consent", "data_licence", "authors", "contact")
    lists = ("uses", "limitations", "misuses")
    lines = [f"{key} = {json.dumps(EVIL)}" for key in keys]
    lines += [f"{key} = [{json.dumps(EVIL)}]" for key in lists]
    lines += ["[[evaluations]]", *(f"{key} = {json.dumps(EVIL)}" for key in
                                   ("who", "languages", "how", "findings", "date"))]  # fmt: skip
    (run / FACTS).write_text("\n".join(lines))
    card = render_card(run).split("\n---\n", 1)[1]
    assert "<script" not in card and "\n# heading" not in card
    assert card.count("&lt;script>alert(1)&lt;/script> \\| a # heading") == 15
    assert problems(render_card(run)) == []


def test_the_examples_are_code(run):
    card = render_card(run, "someone/weather")
    python = re.search(r"```python\n(.*?)```", card, re.S)[1]
    compile(python, "card", "exec")
    assert 'slp.Pipeline.from_pretrained("someone/weather")' in python
    assert len([line for line in python.splitlines() if line]) == 3
    assert "```bash\nslp translate someone/weather clip.signs\n```" in card
    for file in (run / "recipe.toml", run / "pipeline" / "recipe.toml"):
        more = '[streams.film]\nsignal = "video"\nencoder = "same"\n'
        more += '[fusion]\nuse = "concat"\n[decoder]'
        text = file.read_text().replace("[decoder]", more)
        file.write_text(text)
    card = render_card(run)
    python = re.search(r"```python\n(.*?)```", card, re.S)[1]
    compile(python, "card", "exec")
    assert 'translate({"signs": "clip.signs", "video": "clip.mp4"})' in python
    assert "slp translate" not in card  # which takes one file a clip


def test_the_card_is_beside_the_pipeline_and_written_again(run):
    file = write_card(run)
    assert file == run / "pipeline" / "README.md" and file.read_text() == render_card(run)
    (run / FACTS).write_text('domain = "weather"')
    write_card(run, name="a/b")
    assert "| Domain | weather |" in file.read_text() and '"a/b"' in file.read_text()
    file.write_text("# My own\n")
    with pytest.raises(UserError, match=r"README\.md: was not written by `slp card`"):
        write_card(run)
    assert file.read_text() == "# My own\n"
    other = write_card(run, run / "other.md")
    assert other.name == "other.md" and MARK in other.read_text()


def test_no_card_of_what_is_no_finished_run(run, tmp_path):
    (run / "pipeline" / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no pipeline yet"):
        write_card(run)
    with pytest.raises(UserError, match="is no run"):
        render_card(tmp_path / "absent")
    with pytest.raises(UserError, match="there is no such folder; name a run that `slp train`"):
        write_card(tmp_path / "absent")


@pytest.mark.parametrize(
    "file", ["translate/result.json", "translate/log.jsonl", "pipeline/README.md"]
)
def test_a_damaged_file_is_named(run, file):
    (run / file).write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=rf"{file}: (is damaged|not UTF-8)"):
        write_card(run)
