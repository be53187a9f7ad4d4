"""``slp plugins new``: what is written, how it is formatted, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from functools import partial
from importlib.metadata import version

import pytest

from slp_cli.commands.plugins import new
from slp_core.spec import KINDS

LONG = "a-name-of-24-letters-abc"


@pytest.fixture
def slp(slp, monkeypatch, tmp_path):
    """``slp("velocity", "--kind", "encoder")`` calls `slp plugins new` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(slp, "plugins", "new")


def test_a_package_is_written_and_what_comes_next_is_said(slp, tmp_path):
    code, out, _ = slp("half-rate", "--kind", "mapper")
    assert code == 0
    assert out.splitlines() == [
        "cd slp-half-rate && uv pip install -e .",
        "slp plugins check half-rate",
        "slp plugins show mapper:half-rate",
    ]
    folder = tmp_path / "slp-half-rate"
    files = sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())
    assert files == [
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/slp_half_rate/__init__.py",
        "src/slp_half_rate/model.py",
        "src/slp_half_rate/py.typed",
        "src/slp_half_rate/spec.py",
        "tests/test_slp_half_rate.py",
    ]
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "slp-half-rate"
    assert project["dependencies"] == [f"slp-core[torch]~={version('slp-core')}"]
    assert project["entry-points"] == {"slp.mapper": {"half-rate": "slp_half_rate.spec:SPEC"}}


def test_there_is_a_template_for_every_kind():
    assert set(new.DOES) == set(KINDS)


def test_every_kind_is_well_formatted_however_long_its_name(tmp_path):
    assert len(LONG) == new.LONGEST
    for kind in KINDS:
        for name in ("x", LONG):
            folder = tmp_path / kind / name
            new.write_package(name, kind, folder)
            for file in folder.rglob("*.py"):
                compile(file.read_text(), str(file), "exec")
            for check in (["format", "--check", "--diff"], ["check"]):
                done = subprocess.run(
                    [sys.executable, "-m", "ruff", *check, "--no-cache", folder],
                    capture_output=True,
                    text=True,
                )
                assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Velocity", "--kind", "encoder"), '"Velocity" is no name: lower-case letters'),
        (("my_part", "--kind", "encoder"), "is no name"),
        (("2d", "--kind", "encoder"), "a letter first"),
        (("class", "--kind", "encoder"), '"class" is a word of Python; choose another name'),
        (("-", "--kind", "encoder"), "is no name"),
        ((LONG + "d", "--kind", "encoder"), "has 25 letters, at most 24"),
        (("clip", "--kind", "encoder"), "the encoder clip is there already, from slp-encoders"),
        (("train", "--kind", "encoder"), "the package slp-train is installed already"),
        (("new",), "--kind: is missing (one of: annotator, command,"),
        (("new", "--kind", "encodr"), 'there is no kind "encodr"; did you mean "encoder"?'),
        (("new", "--kind", "encoder", "--folder", "there"), "there: is there already"),
        (("new", "--kind", "encoder", "--folder", "/dev/null/x"), "x: cannot be written: "),
    ],
)
def test_what_cannot_be_is_refused(slp, tmp_path, arguments, said):
    (tmp_path / "there").mkdir()
    code, out, err = slp(*arguments)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_package_is_written_whole_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(new, "DOES", {**new.DOES, "encoder": ""})  # the docstring wants a word
    with pytest.raises(Exception, match="no element 0"):
        new.write_package("velocity", "encoder", tmp_path / "slp-velocity")
    assert list(tmp_path.iterdir()) == []
