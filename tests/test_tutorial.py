"""The tutorial as a reader types it: all blocks in order, in one folder, in a fresh environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.S | re.M)
UV = os.environ.get("UV") or shutil.which("uv")


def test_the_part_of_ones_own_is_under_sixty_lines():
    files = [text for _, title, text in BLOCK.findall(TUTORIAL) if title.startswith("slp-")]
    assert 0 < sum(len(text.splitlines()) for text in files) < 60


def test_its_recipes_check_and_its_commands_are_known(slp, home):
    for _, title, text in BLOCK.findall(TUTORIAL):
        if title.endswith(".toml"):
            (home / title).write_text(text, encoding="utf-8")
    for language, _, text in BLOCK.findall(TUTORIAL):
        for line in re.findall(r"^slp (.*)$", text, re.M) if language == "bash" else []:
            words = shlex.split(line)
            if words[0] in ("check", "plugins") and "wrists" not in line:
                slp(*words)
            else:
                slp(*words[: 2 if words[0] in ("data", "plugins") else 1], "--help")


@pytest.mark.slow
@pytest.mark.skipif(UV is None, reason="uv is not found; run the tests with `uv run pytest`")
def test_every_block_runs(tmp_path: Path) -> None:
    assert UV is not None
    env, folder = tmp_path / "env", tmp_path / "signs"
    folder.mkdir()
    path = os.pathsep.join([str(env / "bin"), str(Path(UV).parent), os.environ["PATH"]])
    environment = {
        **os.environ, "VIRTUAL_ENV": str(env), "PATH": path, "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1", "NO_COLOR": "1", "COLUMNS": "200",
    }  # fmt: skip

    def run(*command: str | Path, cwd: Path = folder, code: int = 0) -> str:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{command}\n{said}"
        return said

    run(UV, "venv", env, cwd=ROOT)
    run(UV, "pip", "install", *(f"./packages/{one.name}" for one in (ROOT / "packages").iterdir()),
        "pytest", cwd=ROOT)  # fmt: skip
    for language, title, text in BLOCK.findall(TUTORIAL):
        if title:
            assert (folder / title).parent.is_dir(), f"{title}: nothing has made its folder"
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "bash":
            run("bash", "-euo", "pipefail", "-c", text)
        elif language == "python":
            run("python", "-c", text)
        elif language == "console":  # a command that fails, and what it says
            command, _, said = text.removeprefix("$ ").partition("\n")
            assert " ".join(said.split()) in run("bash", "-c", command, code=2)

    bleu = {
        name: json.loads((folder / f"runs/{name}/metrics.json").read_text())["whole"]["scores"]
        ["BLEU-4"]["value"]
        for name in ("weather", "wrists")
    }  # fmt: skip
    assert min(bleu.values()) > 25, bleu  # 42 and 45 as the tutorial was written
