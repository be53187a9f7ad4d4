"""A run that is not finished says where it stands and how it goes on."""

import json

import pytest

from slp_core.recipe_file import parse_recipe
from slp_train.report import report
from slp_train.report.unfinished import unfinished

RECIPE = """
[recipe]
name = "toy"
[data]
[streams.hands]
signal = "signs"
encoder = "same"
mapper = "words"
[decoder]
use = "reader"
[[stages]]
name = "fit"
fit = ["streams.hands.mapper"]
[[stages]]
name = "learn"
train = ["decoder"]
objectives = ["o"]
epochs = 1
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Killed before its first stage, in the folder it was called in."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "a run"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "provenance.json").write_text('{"called_from": "../.."}')
    return folder


def write(file, text="{}"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def said(run):
    provenance = json.loads((run / "provenance.json").read_text())
    return unfinished(run, parse_recipe(RECIPE), provenance)


def test_how_far_it_has_come(run):
    assert "stage 1 of 2, fit, has no checkpoint yet." in said(run)
    write(run / "fit" / "result.json")
    assert "stage 2 of 2, learn, has no checkpoint yet." in said(run)
    for step in (50, 100):
        mark = {"step": step, "finished": False, "seconds": 1.5, "identity": {}}
        write(run / f"learn/checkpoint-{step}/complete.json", json.dumps(mark))
        write(run / f"learn/checkpoint-{step}/trainer_state.json", '{"max_steps": 400}')
    write(run / "learn/checkpoint-150/pipeline/recipe.toml")  # half written
    assert "stage 2 of 2, learn, stands at its checkpoint of step 100 of 400." in said(run)
    write(run / "learn" / "result.json")
    assert "its stages are trained, but the pipeline is not saved yet." in said(run)
    write(run / "pipeline" / "model.safetensors")
    assert said(run) == ""


def test_a_pipeline_alone_is_no_unfinished_run(run):
    write(run / "model.safetensors")
    assert said(run) == ""


def test_how_it_goes_on(run, tmp_path, monkeypatch):
    command = "`slp train 'runs/a run/recipe.toml' --run 'runs/a run'`"
    assert command in said(run)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command in said(run)  # for it has to be called where the data are
    (run / "provenance.json").write_text("{}")  # it was killed before it was written
    assert "--run '../runs/a run'`" in said(run)


def test_the_page_and_the_terminal_say_so(run, capsys):
    page = report(run).read_text(encoding="utf-8")
    assert "This run is not finished: stage 1 of 2, fit, has no checkpoint yet." in page
    err = capsys.readouterr().err
    assert err == f"{run}: {said(run)}\n"
    write(run / "pipeline" / "recipe.toml", RECIPE)
    from numpy import zeros
    from safetensors.numpy import save_file

    save_file({"decoder.x": zeros(2)}, run / "pipeline" / "model.safetensors")
    assert "not finished" not in report(run).read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""
