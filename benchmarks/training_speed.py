"""Samples a second of a stage against a bare PyTorch loop on the same model.

The bare loop has its batches padded and in memory; a stage reads, augments and pads its samples,
logs, and could be killed at any step. Both take turns in one process, by the clock on the wall. Run
it on an idle machine::

    python benchmarks/training_speed.py [--steps 200] [--rounds 9] [--dim 32] [--threads 1]

It also prints how much of a batch is padding, and the largest batch over the mean one, for
random batches, for groups of similar length and for a budget of steps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from slp_core.batch import collate
from slp_core.build import build, build_objectives
from slp_core.check import check
from slp_core.dataset import SampleDataset
from slp_core.manifest import read_manifest, write_manifest
from slp_core.recipe_file import parse_recipe
from slp_train.batching import BudgetBatches
from slp_train.model import StageModel
from slp_train.stage import train_stage

WIDTH = 64
RECIPE = """
[recipe]
name = "training-speed"
[data]
train = "train.tsv"
[streams.body]
signal = "features"
processor = {{ use = "features", width = {width} }}
encoder = {{ use = "features" }}
mapper = {{ use = "linear" }}
[decoder]
use = "seq2seq"
scratch = {{ dim = {dim}, layers = 2, heads = 4, ffn = {ffn}, dropout = 0.1 }}
[[stages]]
name = "translate"
train = ["streams.body.mapper", "decoder"]
objectives = [{{ use = "cross-entropy" }}]
steps = {steps}
batch_steps = {batch_steps}
[stages.trainer]
learning_rate = 1e-3
save_steps = {steps}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("steps", 200), ("rounds", 9), ("dim", 32), ("threads", 1),
                          ("samples", 1000), ("batch-steps", 200)):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    report_batches(phoenix_like_lengths(7096), 4096)
    with tempfile.TemporaryDirectory() as folder:
        report_speed(options, Path(folder))


def phoenix_like_lengths(samples: int) -> np.ndarray:
    """Frames of a clip: the lengths of PHOENIX-2014T's training clips, nearly (117 on average)."""
    drawn = np.random.default_rng(0).lognormal(np.log(106), 0.45, samples)
    return np.clip(drawn, 16, 475).astype(int)


def report_batches(lengths: np.ndarray, budget: int) -> None:
    rng = np.random.default_rng(0)
    ours = list(BudgetBatches(lengths, steps=budget))
    size = len(lengths) // len(ours)
    order = rng.permutation(len(lengths))
    # what the Trainer's `group_by_length` does: pools of fifty batches, sorted
    pools = [order[i : i + 50 * size] for i in range(0, len(order), 50 * size)]
    grouped = np.concatenate([pool[np.argsort(-lengths[pool])] for pool in pools])
    cuts = range(size, len(lengths), size)
    for name, batches in (
        ("random batches", np.split(order, cuts)),
        ("grouped by length", np.split(grouped, cuts)),
        ("budget of steps", ours),
    ):
        sizes = np.array([lengths[batch].max() * len(batch) for batch in batches])
        padding = 1 - lengths.sum() / sizes.sum()
        print(f"{name:20s} {padding:6.1%} padding, largest / mean {sizes.max() / sizes.mean():.2f}")


def report_speed(options: argparse.Namespace, folder: Path) -> None:
    make_data(folder, options.samples)
    ratios = []
    for number in range(options.rounds + 1):
        bare, step = bare_loop(options, folder)
        ours, _ = stage(options, folder, folder / str(number))
        if number:  # the first warms up
            ratios.append(bare / ours)
            speeds = f"bare {1 / bare:.1f} samples/s, stage {1 / ours:.1f} samples/s"
            print(f"{1000 * step:.1f} ms a step: {speeds}, ratio {bare / ours:.3f}", flush=True)
    print(f"ratio: median {statistics.median(ratios):.3f} of {len(ratios)}")


def make_data(folder: Path, samples: int) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number, length in enumerate(phoenix_like_lengths(samples)):
        values = rng.standard_normal((length, WIDTH), dtype=np.float32)
        np.save(folder / f"{number}.npy", values)
        words = rng.integers(0, 500, rng.integers(6, 20))
        rows.append([str(number), f"{number}.npy", " ".join(f"w{word}" for word in words)])
    write_manifest(folder / "train.tsv", ["id", "features", "text"], rows)


def prepare(options: argparse.Namespace, folder: Path) -> tuple:
    text = RECIPE.format(
        width=WIDTH, dim=options.dim, ffn=2 * options.dim, steps=options.steps,
        batch_steps=options.batch_steps,
    )  # fmt: skip
    plan = check(parse_recipe(text))
    manifest = read_manifest(folder / "train.tsv")
    pipeline = build(plan, train=manifest)
    (recipe_stage,) = plan.recipe.stages
    objectives = build_objectives(plan, recipe_stage, pipeline)
    dataset = SampleDataset(manifest, pipeline, training=True)
    assert not dataset.probe()
    return pipeline, recipe_stage, objectives, dataset.with_objectives(objectives.values())


def stage(options: argparse.Namespace, folder: Path, run: Path) -> tuple[float, float]:
    """Seconds that a sample and a step take in a stage."""
    pipeline, recipe_stage, objectives, dataset = prepare(options, folder)
    clock = Clock(pipeline)
    train_stage(pipeline, recipe_stage, objectives, dataset, None, run)
    return clock.seconds()


def bare_loop(options: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Seconds that a sample and a step take in a plain loop."""
    pipeline, recipe_stage, objectives, dataset = prepare(options, folder)
    (objective,) = objectives.values()
    model = StageModel(pipeline, objectives, recipe_stage.train)
    batches = [
        collate([dataset[index] for index in batch])
        for batch in BudgetBatches(dataset.lengths, steps=options.batch_steps)
    ]
    optimizer = torch.optim.AdamW(model.trained, lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, options.steps)
    model.train()
    clock = Clock(pipeline)
    for step in range(options.steps):
        batch = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = model(batch)[0] / objective.count(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.trained, 1.0)
        optimizer.step()
        schedule.step()
    return clock.seconds()


class Clock:
    """Notes when a pipeline begins its steps."""

    def __init__(self, pipeline: nn.Module) -> None:
        self.times: list[float] = []
        self.samples: list[int] = []
        pipeline.register_forward_pre_hook(self._tick)

    def _tick(self, _: nn.Module, arguments: tuple) -> None:
        self.times.append(time.perf_counter())
        self.samples.append(len(arguments[0]))

    def seconds(self) -> tuple[float, float]:
        """Of a sample and of a step, the first tenth left out."""
        first = len(self.times) // 10
        seconds = self.times[-1] - self.times[first]
        return seconds / sum(self.samples[first:-1]), seconds / (len(self.times) - 1 - first)


if __name__ == "__main__":
    main()
