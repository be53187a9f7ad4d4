"""A pipeline small enough to train in a blink, of parts that no package has to provide.

As a script it trains one: ``python tiny.py RUN [dropout=0] [save_steps=5 ...]``.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from attrs import evolve
from torch import Tensor, nn
from torch.nn import functional

from slp_core.batch import Batch, Tokens, collate
from slp_core.context import Context
from slp_core.dataset import SampleDataset
from slp_core.manifest import Row, read_manifest, write_manifest
from slp_core.parts import Decoder, Encoder, Mapper, Objective, Translation
from slp_core.pipeline import Pipeline, Trace
from slp_core.recipe import ObjectiveUse, Stage, Use
from slp_core.recipe_file import parse_recipe
from slp_core.sequence import Sequence
from slp_core.signals import Clip, Processor, Signal
from slp_train.stage import StageResult, train_stage

RECIPE = """
[recipe]
name = "tiny"
[data]
train = "train.tsv"
[streams.pose]
signal = "numbers"
encoder = "gru"
mapper = "linear"
[decoder]
use = "letters"
"""
LETTERS = "abcdefgh"
__all__ = ["collate"]


class Numbers(Processor):
    """``"7 12"``: twelve steps drawn from seed 7."""

    reads_files = False

    def read(self, clip: Clip) -> Signal:
        seed, steps = map(int, clip.source.split())
        values = np.random.default_rng(seed).standard_normal((steps, 4), dtype=np.float32)
        return Signal(values, 25.0)

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        noise = 0.1 * rng.standard_normal(signal.values.shape, dtype=np.float32)
        return evolve(signal, values=signal.values + noise)


class Gru(Encoder):
    """A layer with dropout, and a counter that no gradient moves."""

    def __init__(self, width: int = 8, dropout: float = 0.1) -> None:
        super().__init__(None)
        self.layer = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Sequence) -> Sequence:
        hidden = self.layer(inputs.values)  # (b, t, d)
        valid = hidden[inputs.mask]
        hidden = hidden.masked_scatter(inputs.mask[..., None], self.norm(valid).to(hidden.dtype))
        return inputs.with_values(self.dropout(torch.tanh(hidden)))


class Linear(Mapper):
    def __init__(self, width: int = 8) -> None:
        super().__init__(None)
        self.layer = nn.Linear(width, width)

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(self.layer(inputs.values))


class Letters(Decoder):
    """Scores each letter from the mean of the sequence and the letter before it."""

    def __init__(self, width: int = 8) -> None:
        super().__init__(None, Context())
        self.embedding = nn.Embedding(len(LETTERS) + 1, width)
        self.out = nn.Linear(width, len(LETTERS))
        self.head = nn.Linear(width, width)

    def subparts(self) -> dict[str, Any]:
        return {"out": self.out.parameters()}

    def encode(self, row: Row, text: str | None) -> dict[str, list[int]]:
        return {} if text is None else {"labels": [LETTERS.index(x) for x in text]}

    def forward(self, inputs: Sequence, tokens: dict[str, Tokens]) -> Tensor:
        mask = inputs.mask[..., None]
        mean = (inputs.values * mask).sum(1) / mask.sum(1)  # (b, d)
        before = functional.pad(tokens["labels"].ids[:, :-1] + 1, (1, 0))
        return self.out(torch.tanh(self.head(mean[:, None] + self.embedding(before))))

    def generate(
        self, inputs: Sequence, tokens: dict[str, Tokens], **options: Any
    ) -> list[Translation]:
        raise AssertionError("scores are scripted here, and nothing is translated")


class CrossEntropy(Objective):
    def count(self, batch: Batch) -> int:
        return int(batch.tokens["decoder.labels"].mask.sum())

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        labels = batch.tokens["decoder.labels"]
        logits = pipeline.decoder(trace.last, {"labels": labels})
        return functional.cross_entropy(
            logits[labels.mask], labels.ids[labels.mask], reduction="sum"
        )


class NearOne(Objective):
    """Draws the sequence to one, in a scale of its own that is trained too."""

    def __init__(self) -> None:
        super().__init__(None)
        self.scale = nn.Parameter(torch.ones(()))

    def count(self, batch: Batch) -> int:
        return len(batch)

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        far = (self.scale * trace.last.values - 1).square().mean(2)  # (b, t)
        mask = trace.last.mask
        return ((far * mask).sum(1) / mask.sum(1)).sum()


def make_pipeline(seed: int = 0, dropout: float = 0.1) -> Pipeline:
    torch.manual_seed(seed)
    plan: Any = SimpleNamespace(recipe=parse_recipe(RECIPE), nodes={})
    parts = {
        "streams.pose.encoder": Gru(dropout=dropout),
        "streams.pose.mapper": Linear(),
        "decoder": Letters(),
    }
    return Pipeline(plan, {"streams.pose.processor": Numbers(None)}, parts)


def make_manifest(file: Path, samples: int, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(samples):
        text = "".join(rng.choice(list(LETTERS), size=rng.integers(2, 7)))
        rows.append([str(number), f"{rng.integers(1000)} {rng.integers(3, 20)}", text])
    write_manifest(file, ["id", "numbers", "text"], rows)
    return file


def make_dataset(
    file: Path, pipeline: Pipeline, objectives: dict[str, Objective], training: bool = False
) -> SampleDataset:
    dataset = SampleDataset(read_manifest(file), pipeline, training=training)
    assert dataset.probe() == []
    return dataset.with_objectives(objectives.values())


def make_stage(**changes: Any) -> Stage:
    fields: dict[str, Any] = {
        "name": "translate",
        "train": ["streams.pose", "decoder"],
        "objectives": [
            ObjectiveUse(Use("cross-entropy")),
            ObjectiveUse(Use("near-one"), on="streams.pose.mapper", weight=0.1),
        ],
        "epochs": 3.0,
        "batch_steps": 60,
        **changes,
    }
    if fields["train"]:
        usual = {"report_to": "none", "learning_rate": 0.01}
        fields["trainer"] = {**usual, **fields.get("trainer", {})}
    return Stage(**fields)


def file_hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def weights_hash(folder: Path) -> str:
    return file_hash(folder / "model.safetensors")


def make_data(run: Path) -> None:
    """The manifests of a run, if they are not there yet."""
    run.mkdir(parents=True, exist_ok=True)
    for name, samples in (("train", 50), ("validation", 12)):
        if not (run / f"{name}.tsv").exists():
            make_manifest(run / f"{name}.tsv", samples, seed=len(name))


def train(
    run: Path,
    die_at: str = "",
    pipeline: Pipeline | None = None,
    validated: bool = True,
    scorer: Any = None,
    higher_is_better: bool = False,
    **changes: Any,
) -> StageResult:
    """Train the tiny pipeline in ``run``; ``die_at`` kills the process there (see ``_die``).

    ``changes``: keys of the stage.
    """
    if die_at:
        _die(die_at)
    make_data(run)
    pipeline = pipeline or make_pipeline()
    stage = make_stage(**changes)
    known = {"cross-entropy": CrossEntropy(None), "near-one@streams.pose.mapper": NearOne()}
    objectives = {use.label: known[use.label] for use in stage.objectives}
    validation = make_dataset(run / "validation.tsv", pipeline, objectives) if validated else None
    return train_stage(
        pipeline,
        stage,
        objectives,
        make_dataset(run / "train.tsv", pipeline, objectives, training=True),
        validation,
        run / stage.name,
        scorer=scorer,
        higher_is_better=higher_is_better,
        seed=3,
    )


def _die(where: str) -> None:
    """Kill this process when a function is called for the n-th time: ``"torch.save 3"``."""
    path, times = where.split()
    left = [int(times)]
    owner, _, name = path.rpartition(".")
    original = getattr(resolve_name(owner), name)

    def called(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(resolve_name(owner), name, called)


def main() -> None:
    run, *settings = sys.argv[1:]
    options = {key: int(value) for key, value in (one.split("=") for one in settings)}
    pipeline = make_pipeline(dropout=options.pop("dropout", 1) / 10)
    train(Path(run), pipeline=pipeline, trainer=options)


if __name__ == "__main__":
    main()
