"""However a batch is cut, over micro-batches or processes, the gradient is that of the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file

from slp_train.batching import BudgetBatches

FROZEN = {"train": ["streams.*.mapper", "decoder"]}  # the encoder's norm would see micro-batches


def weights(run: Path) -> dict[str, torch.Tensor]:
    state = load_file(run / "translate" / "pipeline" / "model.safetensors")
    return {name: value for name, value in state.items() if "norm" not in name}


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.fixture
def reference(tiny: ModuleType, tmp_path: Path) -> dict[str, torch.Tensor]:
    """Six steps, each on the whole of four batches, by a loop that could not be plainer."""
    pipeline = tiny.make_pipeline()
    tiny.make_data(tmp_path)
    objectives = {"cross-entropy": tiny.CrossEntropy(None), "near-one": tiny.NearOne()}
    dataset = tiny.make_dataset(tmp_path / "train.tsv", pipeline, objectives, training=True)
    batches = BudgetBatches(dataset.lengths, steps=60, seed=3)
    trained = [*pipeline.select(FROZEN["train"]).values(), *objectives["near-one"].parameters()]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    pipeline.train()
    pipeline.part("streams.pose.encoder").eval()
    for epoch in range(2):
        batches.set_epoch(epoch)
        dataset.set_epoch(epoch)
        cut = list(batches)
        for start in range(0, len(cut), 4):
            indices = [index for batch in cut[start : start + 4] for index in batch]
            batch = tiny.collate([dataset[index] for index in indices])
            trace = pipeline(batch)
            loss = sum(
                weight * one(pipeline, trace, batch) / one.count(batch)
                for weight, one in zip((1.0, 0.1), objectives.values(), strict=True)
            )
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return {name: value for name, value in pipeline.state_dict().items() if "norm" not in name}


OPTIONS = {
    **FROZEN,
    "epochs": 2.0,
    "validated": False,
}
PLAIN = {
    "optim": "sgd",
    "learning_rate": 0.1,
    "lr_scheduler_type": "constant",
    "max_grad_norm": 0.0,
}


def test_accumulated_batches_are_one_big_batch(
    tiny: ModuleType, tmp_path: Path, reference: dict[str, torch.Tensor]
) -> None:
    tiny.train(tmp_path, **OPTIONS, trainer={**PLAIN, "gradient_accumulation_steps": 4})
    assert difference(weights(tmp_path), reference) < 1e-6
    untrained = tiny.make_pipeline().state_dict()
    assert difference(reference, untrained) > 0.01  # there was something to get wrong


def test_two_processes_are_one_big_batch(
    tiny: ModuleType,
    tmp_path: Path,
    reference: dict[str, torch.Tensor],
    in_processes: Callable[..., list[int]],
) -> None:
    trainer = {**PLAIN, "gradient_accumulation_steps": 2}
    assert in_processes(2, tiny.train, tmp_path, **OPTIONS, trainer=trainer) == [0, 0]
    assert difference(weights(tmp_path), reference) < 1e-6


def test_two_processes_train_as_one_that_accumulates(
    tiny: ModuleType, tmp_path: Path, in_processes: Callable[..., list[int]]
) -> None:
    """With everything a stage usually has: Adam, a schedule, clipping, validation, the norm."""
    one, two = tmp_path / "one", tmp_path / "two"
    tiny.make_data(two)
    pipeline = tiny.make_pipeline(dropout=0.0)
    alone = tiny.train(one, pipeline=pipeline, trainer={"gradient_accumulation_steps": 2})
    pipeline = tiny.make_pipeline(dropout=0.0)
    assert in_processes(2, tiny.train, two, pipeline=pipeline) == [0, 0]
    assert difference(weights(one), weights(two)) < 1e-5
    log = (two / "translate" / "log.jsonl").read_text()
    assert f'"step": {alone.steps}' in log


@pytest.mark.slow
def test_torchrun(tmp_path: Path) -> None:
    script = Path(__file__).with_name("tiny.py")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    for world, accumulated in (("2", 1), ("1", 2)):
        settings = ["dropout=0", f"gradient_accumulation_steps={accumulated}"]
        subprocess.run(
            [*launcher, world, str(script), str(tmp_path / world), *settings],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=True,
        )
    assert difference(weights(tmp_path / "1"), weights(tmp_path / "2")) < 1e-5
