"""The command's manners: help, hints, exit codes, what goes to stdout."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from slp_cli import main as command
from slp_core.confidence import Calibration
from slp_core.errors import UserError
from slp_core.parts import Note, Translation
from slp_core.pipeline import Pipeline

TINY = Path(__file__).parents[3] / "recipes/tiny/multimodalhugs-pose.toml"


def test_help_lists_every_command(slp):
    code, out, _ = slp("--help")
    assert code == 0
    for name in command.COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", command.COMMANDS)
def test_every_command_has_help_with_an_example(slp, name):
    code, out, _ = slp(name, "--help")
    assert code == 0
    assert "Example" in out or f"slp {name} " in out


@pytest.mark.parametrize("name", ["synth", "import", "pose", "check"])
def test_the_data_commands_have_examples(slp, name):
    code, out, _ = slp("data", name, "--help")
    assert code == 0 and f"slp data {name} " in out


def test_an_unknown_command_is_met_with_the_nearest(slp):
    code, _, err = slp("trian")
    assert code == 2 and 'there is no command "trian"; did you mean "train"?' in err


def test_the_users_mistake_is_one_message_and_exit_code_2(slp):
    code, out, err = slp("check", "absent.toml")
    assert (code, out) == (2, "")
    assert "absent.toml: there is no such recipe" in err and "Traceback" not in err


def test_a_user_error_from_below_is_no_traceback(slp, monkeypatch):
    def fail(**_):
        raise UserError("the file is torn")

    from slp_cli.commands import plugins

    monkeypatch.setattr(plugins.command, "callback", fail)
    code, out, err = slp("plugins")
    assert (code, out) == (2, "") and err == "error: the file is torn\n"


@pytest.mark.parametrize(("file", "place"), [(None, "a file"), ("log.jsonl", "log.jsonl")])
def test_a_full_disk_is_no_traceback_wherever_it_is_met(slp, monkeypatch, file, place):
    def fail(**_):
        raise OSError(errno.ENOSPC, "No space left on device", file)

    from slp_cli.commands import plugins

    monkeypatch.setattr(plugins.command, "callback", fail)
    code, out, err = slp("plugins")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {place}: cannot be written: the disk is full")


def test_other_faults_keep_their_traceback(monkeypatch):
    def fail(**_):
        raise OSError(errno.EIO, "Input/output error")

    from slp_cli.commands import plugins

    monkeypatch.setattr(plugins.command, "callback", fail)
    monkeypatch.setattr(sys, "argv", ["slp", "plugins"])
    with pytest.raises(OSError, match="Input/output error"):
        command.main()


def test_check_reads_every_recipe_before_it_ends(slp, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("[recipe]\n")
    bad.write_text("[")
    code, out, err = slp("check", str(good), str(bad), "--json")
    assert (code, err) == (2, "")
    found = json.loads(out)
    assert not found[str(good)]["ok"] and "is not TOML" in found[str(bad)]["problems"][0]


def test_with_meta_it_reads_every_recipe_too(slp, tmp_path):
    """The manifest of the first cannot be read, which only --meta looks at."""
    recipe = TINY.read_text().replace('root = "data/tiny"', f'root = "{tmp_path}"')
    (tmp_path / "a.toml").write_text(recipe)
    (tmp_path / "train.tsv").write_text("id\n")
    absent = tmp_path / "absent.toml"
    code, out, _ = slp("check", "--meta", "--json", str(tmp_path / "a.toml"), str(absent))
    first, second = json.loads(out).values()
    assert code == 2 and "the manifest has no rows" in first["problems"][0]
    assert "there is no such recipe" in second["problems"][0]


def test_plugins_as_json(slp):
    code, out, _ = slp("plugins", "--kind", "metric", "--json")
    assert code == 0
    names = {row["name"]: row["package"] for row in json.loads(out)}
    assert names["bleu"] == "slp-train"
    code, _, err = slp("plugins", "--kind", "metrics")
    assert code == 2 and 'did you mean "metric"?' in err


@pytest.mark.parametrize(("asked", "coloured"), [("", True), ("1", False)])
def test_no_colour_where_none_is_wanted(slp, monkeypatch, asked, coloured):
    monkeypatch.setenv("NO_COLOR", asked)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)  # as on a terminal
    assert ("\x1b[31m" in slp("card", "absent")[2]) is coloured


def test_an_interrupt_while_the_command_is_imported_is_one_line(tmp_path):
    """click is the first that it imports; here it is one at which Ctrl-C is pressed."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-m", "slp_cli", "--version"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_translate_without_a_run(slp, tmp_path):
    code, _, err = slp("translate", str(tmp_path), "clip.pose")
    assert code == 2 and "is no saved pipeline or finished run" in err


@pytest.fixture
def run(monkeypatch):
    """A run whose translations are 0.6 and 0.3 to be expected, the second with a note."""
    said = {
        "a": Translation("anna comes .", 0.9, (("anna", 0.9),), expected=0.6),
        "b": Translation(
            "lea comes .",
            0.5,
            expected=0.3,
            transcripts={"streams.hand.mapper": "ZOE"},
            notes=(Note("names", "who?", "zoe"),),
        ),
    }
    pipeline = SimpleNamespace(
        calibration=Calibration((0.5, 0.9), (0.3, 0.6), "chrF", "validation", 50, {"num_beams": 4}),
        recipe=SimpleNamespace(evaluation=SimpleNamespace(generation={"num_beams": 4})),
        translate=lambda file, **options: said[file],
    )
    loaded = SimpleNamespace(to={torch.device("cuda", 1): pipeline}.__getitem__)
    monkeypatch.setattr("slp_train.distributed.device", lambda: torch.device("cuda", 1))
    monkeypatch.setattr(Pipeline, "from_pretrained", lambda run: loaded)
    return pipeline


def test_translations_below_a_quality_are_withheld(slp, run):
    code, out, err = slp("translate", "run", "a", "b", "--reject-below", "0.5")
    assert (code, out) == (0, "anna comes .\n-\n")
    assert err == "b: withheld: its expected quality is 0.30, below 0.5\n"
    code, out, err = slp("translate", "run", "a", "b", "--reject-below", "0.5", "--json")
    first, second = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    assert first["text"] == "anna comes ." and "withheld" not in first
    assert second == {
        "file": "b", "text": None, "withheld": True, "confidence": 0.5, "expected": 0.3,
    }  # fmt: skip
    assert slp("translate", "run", "b", "--reject-below", "0.3")[1] == "lea comes .\n"


def test_translations_come_with_their_worth_and_their_notes(slp, run):
    code, out, err = slp("translate", "run", "a", "b")
    assert (code, out) == (0, "anna comes .\nlea comes .\n")
    assert err == "b: names: who?\n  offered: zoe\n"
    _, out, err = slp("translate", "run", "a", "b", "--json")
    first, second = map(json.loads, out.splitlines())
    assert (first["confidence"], first["expected"], first["notes"]) == (0.9, 0.6, {})
    assert first["tokens"] == [{"token": "anna", "probability": 0.9}]
    assert second["notes"] == {"names": {"message": "who?", "offer": "zoe"}} and err == ""
    assert (first["transcripts"], second["transcripts"]) == ({}, {"streams.hand.mapper": "ZOE"})
    run.translate = lambda file, **options: Translation("", 0.5)
    assert json.loads(slp("translate", "run", "a", "--json")[1])["expected"] is None


def test_lines_stay_beside_their_files_where_one_cannot_be_read(slp, run):
    def translate(file, **options):
        if file == "gone":
            raise UserError("gone: there is no such file")
        return Translation(file, 0.5)

    run.translate = translate
    code, out, err = slp("translate", "run", "a", "gone", "b")
    assert (code, out, err) == (2, "a\n\nb\n", "error: gone: there is no such file\n")
    code, out, _ = slp("translate", "run", "a", "gone", "b", "--json")
    _, second, third = map(json.loads, out.splitlines())
    assert second == {"file": "gone", "text": None, "error": "gone: there is no such file"}
    assert code == 2 and third["text"] == "b"


def test_nothing_is_withheld_without_a_calibration_for_it(slp, run):
    code, out, err = slp("translate", "run", "a", "--reject-below", "0.5", "--beams", "2")
    assert (code, out) == (2, "") and "{'num_beams': 4}; leave --beams out" in err
    assert slp("translate", "run", "a", "--reject-below", "0.5", "--beams", "4")[0] == 0
    run.calibration = None
    code, out, err = slp("translate", "run", "a", "--reject-below", "0.5")
    assert (code, out) == (2, "") and "run is not calibrated" in err and "slp train" in err
    assert slp("translate", "run", "a", "--reject-below", "50")[0] == 2


def test_a_bad_setting_of_an_importer(slp, tmp_path):
    code, _, err = slp("data", "import", "phoenix", str(tmp_path), str(tmp_path / "out"))
    assert code == 2 and 'no corpus "phoenix"' in err
