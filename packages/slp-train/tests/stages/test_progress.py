"""Lines where stderr is no terminal, a bar where it is, silence in other processes."""

from __future__ import annotations

import sys

import pytest

from slp_train import progress
from slp_train.progress import bar, say


def test_lines_name_what_is_done_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with bar("translate") as moving:
        moving.note = "loss 1.234"
        moving.begin(10, 110)
        for done in range(11, 41):
            clock[0] += 1
            moving(done, 110)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "translate: 20/110, loss 1.234, 0:01:30 left"
    assert len(lines) == 3  # one every ten seconds


def test_a_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_DRAW", 0.0)
    with bar("translate") as moving:
        moving.begin(0, 4)
        moving(1, 4)
        moving.show("validating")
        moving.pause()
        moving(4, 4)
    shown = capsys.readouterr().err
    assert "translate" in shown
    assert "validating" in shown
    assert "4/4" in shown


def test_a_line_takes_the_place_of_the_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("checking") as moving:
        moving.clear()
        assert capsys.readouterr().err == ""
        moving.begin(0, 4)
        moving.show()
        moving.clear()
        assert capsys.readouterr().err.endswith("\r\x1b[2K")


def test_other_processes_are_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(progress, "_SAY", 0.0)
    say("hello")
    with bar("translate") as moving:
        moving(1, 2)
        moving.show()
    assert capsys.readouterr().err == ""
