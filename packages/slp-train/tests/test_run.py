"""The folder of a run, and which split of its data is scored."""

import sys
from subprocess import PIPE, Popen
from types import SimpleNamespace

import pytest
import torch
from sacrebleu.tokenizers import tokenizer_ja_mecab

from slp_core.errors import UserError
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_train.card.facts import FACTS
from slp_train.run import evaluate_run, train
from slp_train.run_folder import claim

RECIPE = """
[recipe]
name = "toy"
[data]
test = "data/test.tsv"
[streams.hands]
signal = "signs"
encoder = "same"
[decoder]
use = "reader"
"""


def test_a_run_is_thrown_away_without_its_authors_facts(tmp_path):
    run = tmp_path / "run"
    (run / "translate").mkdir(parents=True)
    (run / "translate" / "log.jsonl").write_text("{}")
    (run / FACTS).write_text('domain = "weather"')
    claim(run, parse_recipe(RECIPE), restart=True)
    assert {file.name for file in run.iterdir()} == {FACTS, "recipe.toml"}
    assert (run / FACTS).read_text() == 'domain = "weather"'
    claim(tmp_path / "absent", parse_recipe(RECIPE), restart=True)
    assert [file.name for file in (tmp_path / "absent").iterdir()] == ["recipe.toml"]


def test_a_place_that_holds_something_else_is_refused_before_any_work(tmp_path, monkeypatch):
    recipe = parse_recipe(
        RECIPE + '[[stages]]\nname = "s"\ntrain = ["decoder"]\nepochs = 1\nobjectives = ["ctc"]\n'
    )
    monkeypatch.setattr("slp_train.run.prepare", lambda *_: pytest.fail("a corpus is made"))

    def refused(said, restart=False):
        with pytest.raises(UserError, match=said):
            train(recipe, place, restart=restart)

    place = tmp_path / "run"
    place.write_text("")
    refused("is a file, and a run is a folder; choose another with --run")
    place.unlink()
    place.mkdir()
    (place / FACTS).write_text("")  # of a run, and no recipe
    refused("is not empty and holds no run")
    (place / FACTS).unlink()
    (place / "thesis.tex").write_text("")
    refused("is not empty and holds no run")
    refused("is not empty and holds no run", restart=True)
    (place / "recipe.toml").write_text("")  # somebody's own, beside the thesis
    refused("is not empty and holds no run")
    refused("is not empty and holds no run", restart=True)
    (place / "provenance.json").write_text("{}")
    refused("holds a run of another recipe")
    (place / "provenance.json").unlink()
    (place / "thesis.tex").unlink()
    monkeypatch.chdir(place)
    refused("is not empty and holds no run", restart=True)  # recipe.toml is what is to be trained
    monkeypatch.chdir(tmp_path)
    refused("holds a run of another recipe .* throw that run away with --restart")
    with pytest.raises(pytest.fail.Exception):
        train(recipe, place, restart=True)
    (place / "recipe.toml").write_text(recipe.to_toml())
    for file in (FACTS, "skipped.train.tsv"):  # what else may be there before its provenance
        (place / file).write_text("")
    with pytest.raises(pytest.fail.Exception):
        train(recipe, place)
    (place / "recipe.toml").unlink()  # the first of several processes is about to write it
    monkeypatch.setattr("slp_train.distributed.is_main", lambda: False)
    with pytest.raises(pytest.fail.Exception):
        train(recipe, place)


def test_two_processes_do_not_train_in_one_place(tmp_path, monkeypatch):
    recipe = parse_recipe(
        RECIPE + '[[stages]]\nname = "s"\ntrain = ["decoder"]\nepochs = 1\nobjectives = ["ctc"]\n'
    )
    monkeypatch.setattr("slp_train.run.prepare", lambda *_: pytest.fail("it begins"))
    run = tmp_path / "runs" / "a"
    (tmp_path / "runs").mkdir()
    hold = "import filelock; lock = filelock.FileLock('.a.lock'); lock.acquire(); input('held')"
    other = [sys.executable, "-c", hold]
    with Popen(other, cwd=run.parent, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout.read(4) == b"held"
        with pytest.raises(UserError, match="another process is training there"):
            train(recipe, run)
        with pytest.raises(pytest.fail.Exception, match="it begins"):
            train(recipe, tmp_path / "runs" / "b")
        process.kill()  # whoever dies lets go
    with pytest.raises(pytest.fail.Exception, match="it begins"):
        train(recipe, run)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("test", r"data/test\.tsv: there is no such manifest where this command is called"),
        ("validation", r"recipe\.toml.*: data\.validation: a manifest is needed"),
    ],
)
def test_a_split_that_cannot_be_scored(split, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pipeline = SimpleNamespace(recipe=parse_recipe(RECIPE))
    loaded = SimpleNamespace(to={torch.device("cuda", 1): pipeline}.__getitem__)
    monkeypatch.setattr("slp_train.distributed.device", lambda: torch.device("cuda", 1))
    monkeypatch.setattr(Pipeline, "from_pretrained", lambda run: loaded)
    with pytest.raises(UserError, match=said):
        evaluate_run(tmp_path, split)


def test_a_metric_that_cannot_score_is_told_before_training_and_leaves_no_run(
    tmp_path, monkeypatch
):
    stage = '[[stages]]\nname = "s"\ntrain = ["decoder"]\nepochs = 1\nobjectives = ["ctc"]\n'
    recipe = parse_recipe(RECIPE.replace("[data]", '[data]\nlanguage = "ja"') + stage)
    rows = SimpleNamespace(rows=[])
    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    monkeypatch.setattr("slp_train.run.prepare", lambda *_: (None, None, {"train": rows}))
    with pytest.raises(UserError, match=r"sacrebleu\[ja\]"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
