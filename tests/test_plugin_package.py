"""Third-party packages, the smallest one and those that `slp plugins new` writes: installed into a
fresh environment and used in recipes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from slp_cli.commands.plugins.new import write_package

ROOT = Path(__file__).parent.parent
HELLO = ROOT / "examples/slp-hello"
TINY = "recipes/tiny/multimodalhugs-pose.toml"
UV = os.environ.get("UV") or shutil.which("uv")
needs_uv = pytest.mark.skipif(
    UV is None, reason="uv is not found; run the tests with `uv run pytest`"
)


def test_it_is_under_forty_lines():
    files = [HELLO / "pyproject.toml", *HELLO.rglob("*.py")]
    assert sum(len(file.read_text().splitlines()) for file in files) < 40


class Environment:
    """A fresh environment with our packages and others."""

    def __init__(self, folder: Path, *packages: str | Path) -> None:
        assert UV is not None
        self.bin = folder / "bin"
        self.variables = {**os.environ, "OMP_NUM_THREADS": "1", "VIRTUAL_ENV": str(folder)}
        self.variables.pop("PYTHONDONTWRITEBYTECODE", None)
        ours = [f"./packages/{p.name}" for p in sorted((ROOT / "packages").iterdir())]
        self(UV, "venv", folder)
        self(UV, "pip", "install", *ours, *packages)

    def __call__(self, *command: str | Path, cwd: Path = ROOT) -> str:
        done = subprocess.run(command, cwd=cwd, env=self.variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def slp(self, *arguments: str | Path, cwd: Path = ROOT) -> str:
        return self(self.bin / "slp", *arguments, cwd=cwd)


@needs_uv
def test_it_is_installed_seen_and_trained_with(tmp_path: Path, home: Path):
    environment = Environment(tmp_path / "env", HELLO)
    listed = environment.slp("plugins", "--kind", "encoder").splitlines()
    assert any(line.split()[:2] == ["velocity", "slp-hello"] for line in listed)
    use = 'streams.pose.encoder={use="velocity"}'
    settings = ["--set", use, "--set", "stages.0.epochs=1", "--set", "evaluation.controls=false"]
    environment.slp("train", TINY, "--run", tmp_path / "run", *settings, cwd=home)
    assert 'use = "velocity"' in (tmp_path / "run/recipe.toml").read_text()
    assert (tmp_path / "run/metrics.json").is_file()


def test_it_is_the_encoder_that_new_writes(tmp_path: Path):
    write_package("velocity", "encoder", tmp_path / "slp-velocity")
    for file, begins in (("spec.py", "def signature"), ("model.py", "    def forward")):
        ours = (HELLO / "src/slp_hello" / file).read_text()
        new = (tmp_path / "slp-velocity/src/slp_velocity" / file).read_text()
        body = re.compile(rf"^{begins}.*?(?=\n\n\n|\Z)", re.S | re.M)
        found = [re.sub(r' *""".*?"""\n|, dtype="float32"|  #.*', "", body.search(text)[0])
                 for text in (ours, new)]  # fmt: skip
        assert found[0].split() == found[1].split()


NEW = {
    "processor": "numbers", "encoder": "velocity", "tokenizer": "directions",
    "mapper": "half-rate", "fusion": "mix", "decoder": "letters-gru", "objective": "slowness",
    "annotator": "plain", "corpus": "clip-table", "metric": "word-f1", "command": "words",
}  # fmt: skip
#: One recipe of all that take part in training.
TAKING_PART = [
    'streams.pose={signal="pose", encoder="velocity", tokenizer="directions", mapper="half-rate"}',
    'streams.again={signal="pose", encoder="velocity", mapper="half-rate"}',
    'fusion={use="mix"}',
    'mapper={use="linear"}',
    'decoder={use="letters-gru", dim=32}',
    'data.annotate=[{use="plain", source="text"}]',
    'data.target="plain_text"',
    'evaluation={metrics=["word-f1"], controls=false}',
    'stages.0.train=["fusion", "mapper", "decoder"]',
    'stages.0.objectives=[{use="cross-entropy"}, {use="slowness", weight=0.1}]',
    "stages.0.epochs=1",
]


@pytest.mark.slow
@needs_uv
def test_one_of_each_kind_is_made_installed_tested_and_used(tmp_path: Path, home: Path):
    folders = {}
    for kind, name in NEW.items():
        folders[kind] = tmp_path / f"slp-{name}"
        write_package(name, kind, folders[kind])
    environment = Environment(tmp_path / "env", *folders.values(), "pytest", "mypy")

    listed = {tuple(line.split()[:2]) for line in environment.slp("plugins").splitlines()}
    assert {(name, f"slp-{name}") for name in NEW.values()} <= listed
    assert all(environment.slp("plugins", "show", f"{kind}:{name}") for kind, name in NEW.items())

    python = environment.bin / "python"
    tests = [folder / "tests" for folder in folders.values()]
    environment(python, "-m", "pytest", "--import-mode=importlib", *tests, cwd=tmp_path)
    config = folders["encoder"] / "pyproject.toml"
    modules = [word for name in NEW.values() for word in ("-p", f"slp_{name.replace('-', '_')}")]
    environment(python, "-m", "mypy", "--config-file", config, *modules, cwd=tmp_path)

    settings = [word for setting in TAKING_PART for word in ("--set", setting)]
    environment.slp("train", TINY, "--run", tmp_path / "run", *settings, cwd=home)
    assert "word-f1" in (tmp_path / "run/metrics.json").read_text()
    (tmp_path / "clips.csv").write_text("file,text,signer\na,one,x\nb,two,y\nc,three,z\n")
    signers = ["--set", "validation=y", "--set", "test=z"]
    environment.slp("data", "import", "clip-table", tmp_path, tmp_path / "made", *signers)
    assert environment.slp("words", tmp_path / "made/test.tsv") == "1\tthree\n"
    read = 'streams.pose={signal="numbers", encoder="features", mapper="linear"}'
    environment.slp("check", TINY, "--set", read, cwd=home)
