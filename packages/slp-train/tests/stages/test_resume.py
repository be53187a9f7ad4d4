"""A killed stage goes on and ends with the weights, bit for bit, of the unbroken one."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from slp_core.errors import UserError
from slp_core.weights import save_whole
from slp_train import checkpoints

OPTIONS: dict[str, Any] = {"trainer": {"save_steps": 5}}
FREEZING = {**OPTIONS, "train": ["streams.*.mapper", "decoder.out"]}
SCRIPT = Path(__file__).with_name("tiny.py")


@pytest.fixture(scope="module")
def unbroken(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.train(tmp_path_factory.mktemp("unbroken"), **OPTIONS).folder


@pytest.fixture(scope="module")
def unbroken_freezing(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.train(tmp_path_factory.mktemp("freezing"), **FREEZING).folder


def frozen_files(stage: Path) -> list[Path]:
    """What each pipeline of a stage has of weights that it does not train."""
    steps = checkpoints.complete(stage)
    folders = [stage / "pipeline", *(checkpoints.pipeline_of(stage, step) for step in steps)]
    return [folder / "frozen.safetensors" for folder in folders]


def state_hashes(tiny: ModuleType, folder: Path) -> list[str]:
    """Of the results, and of the last checkpoint's weights, optimiser, schedule and generators."""
    last, _ = checkpoints.newest(folder)
    assert last is not None
    names = ["objectives.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"]
    return [tiny.weights_hash(folder / "pipeline"), tiny.weights_hash(last / "pipeline"),
            tiny.file_hash(folder / names[0]),
            *(tiny.file_hash(last / name) for name in names)]  # fmt: skip


@pytest.mark.parametrize(
    "die_at",
    [
        "slp_train.trainer.StageTrainer.training_step 18",  # between two checkpoints
        "slp_train.trainer.StageTrainer.training_step 13",  # at the beginning of an epoch
        "torch.save 8",  # while a checkpoint is written
        "slp_train.checkpoints.publish 3",  # when it has been, but is not marked
        "shutil.rmtree 3",  # while an earlier one is removed
        "slp_train.trainer.StageTrainer.evaluate 2",  # before a validation
        "slp_train.stage.write_text 1",  # at the end of the stage
    ],
)
def test_a_killed_stage_ends_with_the_same_weights(
    tiny: ModuleType,
    unbroken: Path,
    tmp_path: Path,
    in_processes: Callable[..., list[int]],
    die_at: str,
) -> None:
    assert in_processes(1, tiny.train, tmp_path, die_at, **OPTIONS) == [-signal.SIGKILL]
    assert checkpoints.complete(tmp_path / "translate")
    resumed = tiny.train(tmp_path, **OPTIONS)
    assert state_hashes(tiny, resumed.folder) == state_hashes(tiny, unbroken)


@pytest.mark.parametrize(
    "die_at",
    [
        "slp_core.weights.save_model 2",  # while it is written
        "os.link 3",  # when a checkpoint is to share it
        "shutil.rmtree 3",  # while one that shares it is removed
        "slp_train.stage.write_text 1",  # at the end of the stage
    ],
)
def test_a_killed_stage_shares_what_is_frozen_again(
    tiny: ModuleType,
    unbroken_freezing: Path,
    tmp_path: Path,
    in_processes: Callable[..., list[int]],
    die_at: str,
) -> None:
    assert in_processes(1, tiny.train, tmp_path, die_at, **FREEZING) == [-signal.SIGKILL]
    resumed = tiny.train(tmp_path, **FREEZING).folder
    assert state_hashes(tiny, resumed) == state_hashes(tiny, unbroken_freezing)
    for ours, theirs in zip(frozen_files(resumed), frozen_files(unbroken_freezing), strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
        assert ours.samefile(frozen_files(resumed)[0])
        assert ours.stat().st_nlink == len(frozen_files(resumed)) >= 2


def test_a_checkpoint_of_one_file_goes_on(
    tiny: ModuleType,
    unbroken_freezing: Path,
    tmp_path: Path,
    in_processes: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As checkpoints were before what is frozen was shared."""
    step = "slp_train.trainer.StageTrainer.training_step 18"
    with monkeypatch.context() as patch:
        patch.setattr("slp_train.model.save_apart", lambda *a, earlier: save_whole(*a))
        assert in_processes(1, tiny.train, tmp_path, step, **FREEZING) == [-signal.SIGKILL]
    assert not [*tmp_path.rglob("frozen.safetensors")]
    resumed = tiny.train(tmp_path, **FREEZING).folder
    assert state_hashes(tiny, resumed) == state_hashes(tiny, unbroken_freezing)


def test_it_is_killed_again_and_again(
    tiny: ModuleType, unbroken: Path, tmp_path: Path, in_processes: Callable[..., list[int]]
) -> None:
    step = "slp_train.trainer.StageTrainer.training_step"
    for after in (7, 8, 11, 3):  # the last dies before it has gained a checkpoint
        in_processes(1, tiny.train, tmp_path, f"{step} {after}", **OPTIONS)
    resumed = tiny.train(tmp_path, **OPTIONS)
    assert state_hashes(tiny, resumed.folder) == state_hashes(tiny, unbroken)


def test_a_full_disk_is_told_and_the_stage_goes_on(
    tiny: ModuleType, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = torch.save, itertools.count(1)

    def fill(*arguments: Any, **named: Any) -> None:
        if next(calls) == 8:
            raise RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 1 vs 0")
        save(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fill)
        with pytest.raises(UserError, match=r"checkpoint-\d+: cannot be written: the disk is full"):
            tiny.train(tmp_path, **OPTIONS)
    assert checkpoints.complete(tmp_path / "translate")
    resumed = tiny.train(tmp_path, **OPTIONS)
    assert state_hashes(tiny, resumed.folder) == state_hashes(tiny, unbroken)


def test_two_processes_are_killed_and_go_on(
    tiny: ModuleType, tmp_path: Path, in_processes: Callable[..., list[int]]
) -> None:
    tiny.make_data(tmp_path / "whole")
    tiny.make_data(tmp_path / "killed")
    assert in_processes(2, tiny.train, tmp_path / "whole", **FREEZING) == [0, 0]
    step = "slp_train.trainer.StageTrainer.training_step 9"
    dead = in_processes(2, tiny.train, tmp_path / "killed", step, **FREEZING)
    assert dead == [-signal.SIGKILL] * 2
    assert in_processes(2, tiny.train, tmp_path / "killed", **FREEZING) == [0, 0]
    one, two = (tmp_path / name / "translate" for name in ("whole", "killed"))
    assert tiny.weights_hash(one / "pipeline") == tiny.weights_hash(two / "pipeline")
    for files in (frozen_files(one), frozen_files(two)):
        assert files[0].stat().st_nlink == len(files)


@pytest.mark.slow
def test_kill_9_at_ten_random_moments(tiny: ModuleType, unbroken: Path, tmp_path: Path) -> None:
    """Whole processes, killed from outside: in training, in validation, while saving."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), "save_steps=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    kills, rng = 0, random.Random(0)
    while kills < 10:
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            before = checkpoints.complete(tmp_path / "translate")
            while checkpoints.complete(tmp_path / "translate") == before:
                assert process.poll() is None, "it ended before it could be killed ten times"
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
    subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    assert state_hashes(tiny, tmp_path / "translate") == state_hashes(tiny, unbroken)
