"""``slp plugins`` and what stands below it."""

from __future__ import annotations

import json
import sys

import pytest

from slp_cli import main as command


@pytest.fixture
def slp(monkeypatch, capsys):
    """``slp("list")`` calls `slp plugins list`, and gives the exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["slp", "plugins", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_no_command_lists(slp):
    assert slp() == slp("list")
    assert slp("--kind", "metric") == slp("list", "--kind", "metric")
    assert "  bleu " in slp()[1] and "  bleu " not in slp("--kind", "encoder")[1]


def test_help_is_of_the_group(slp):
    code, out, _ = slp("--help")
    assert code == 0 and "Commands:" in out and "check" in out


def test_an_unknown_command_is_met_with_the_nearest(slp):
    code, _, err = slp("chek")
    assert code == 2 and 'there is no command "chek"; did you mean "check"?' in err


def test_every_installed_part_loads(slp):
    code, out, err = slp("check", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"ok": True, "broken": {}}
