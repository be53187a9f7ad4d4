"""The ``slp`` command, called in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from slp_cli import main as command


@pytest.fixture
def slp(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """``slp("check", "a.toml")`` gives the exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["slp", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call
