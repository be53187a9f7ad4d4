"""The repository as its user meets it: the command, the shipped recipes, a tiny trained run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Slp = Callable[..., subprocess.CompletedProcess[str]]


def run_slp(
    *arguments: str | Path, cwd: Path, code: int = 0, processes: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, and see that it ends with the exit code."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    module = [*(launcher if processes > 1 else []), "slp_cli.main"]
    command = [sys.executable, "-m", *module, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    said = f"slp {' '.join(map(str, arguments))}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == code, said
    assert "Traceback" not in done.stderr, said
    return done


def save_dinov2(folder: Path) -> None:
    """A random network under the name of a published one, as a folder that is found before the
    hub is asked."""
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    Dinov2Model(Dinov2Config(hidden_size=16, num_hidden_layers=1)).save_pretrained(folder)
    BitImageProcessor(crop_size=224).save_pretrained(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a fresh clone's, with a trained run in runs/quickstart and a clip."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "recipes", home / "recipes")
    recipe = "recipes/tiny/multimodalhugs-pose.toml"
    run_slp("train", recipe, "--run", "runs/quickstart", cwd=home)
    shutil.copy(next((home / "data/tiny").rglob("*.pose")), home / "clip.pose")
    run_slp("data", "synth", "films", "--samples", "10", "--video", cwd=home)
    shutil.copy(next((home / "films").rglob("*.mp4")), home / "clip.mp4")
    save_dinov2(home / "facebook/dinov2-small")
    return home


@pytest.fixture
def slp(home: Path) -> Slp:
    """``slp("check", "a.toml", code=0, processes=1)`` in that folder."""

    def call(*arguments: str | Path, **how: int) -> subprocess.CompletedProcess[str]:
        return run_slp(*arguments, cwd=home, **how)

    return call
