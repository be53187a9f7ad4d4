"""The smallest third-party package, installed into a fresh environment and used in a recipe."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HELLO = ROOT / "examples/slp-hello"
UV = os.environ.get("UV") or shutil.which("uv")


def test_it_is_under_forty_lines():
    files = [HELLO / "pyproject.toml", *HELLO.rglob("*.py")]
    assert sum(len(file.read_text().splitlines()) for file in files) < 40


@pytest.mark.skipif(UV is None, reason="uv is not found; run the tests with `uv run pytest`")
def test_it_is_installed_seen_and_trained_with(tmp_path: Path, home: Path):
    assert UV is not None
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "VIRTUAL_ENV": str(tmp_path / "env")}

    def run(*command: str | Path, cwd: Path = ROOT) -> str:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(UV, "venv", tmp_path / "env")
    packages = [f"./packages/{p.name}" for p in sorted((ROOT / "packages").iterdir())]
    run(UV, "pip", "install", *packages, "./examples/slp-hello")
    slp = tmp_path / "env/bin/slp"
    listed = run(slp, "plugins", "--kind", "encoder").splitlines()
    assert any(line.split()[:2] == ["velocity", "slp-hello"] for line in listed)
    recipe = "recipes/tiny/multimodalhugs-pose.toml"
    use = 'streams.pose.encoder={use="velocity"}'
    settings = ["--set", use, "--set", "stages.0.epochs=1", "--set", "evaluation.controls=false"]
    run(slp, "train", recipe, "--run", tmp_path / "run", *settings, cwd=home)
    assert 'use = "velocity"' in (tmp_path / "run/recipe.toml").read_text()
    assert (tmp_path / "run/metrics.json").is_file()
