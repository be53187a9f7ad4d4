"""A pipeline that reads its sentence off the signal, so that all it says can be foretold.

As a script it evaluates itself, for several processes: ``python toys.py FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from slp_core.context import Context
from slp_core.dataset import SampleDataset, SignalCache
from slp_core.manifest import Manifest, Row, read_manifest, write_manifest
from slp_core.parts import Decoder, Encoder, Translation
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_core.signals import Clip, Processor, Signal

WORDS = [
    "<blank>",
    "Am",
    "Montag",
    "regnet",
    "schneit",
    "es",
    "im",
    "Norden",
    "Süden",
    "und",
    "Osten",
    ",",
    "bei",
    "Sonne",
]
RECIPE = """
[recipe]
name = "toy"
[data]
[streams.hands]
signal = "signs"
encoder = "same"
[decoder]
use = "reader"
[evaluation]
batch_steps = 12
"""


class Signs(Processor):
    """``"1 2 3"``: one step a word."""

    reads_files = False

    def read(self, clip: Clip) -> Signal:
        return Signal(np.array([[float(word)] for word in clip.source.split()], np.float32), 25.0)


class Same(Encoder):
    def forward(self, inputs: Any) -> Any:
        return inputs


class Reader(Decoder):
    """Says a word a step; ``say`` changes what it says of a list of steps and a batch."""

    def __init__(self, say: Any = None) -> None:
        super().__init__(None, Context())
        self.say = say or (lambda steps, batch: " ".join(WORDS[step] for step in steps))
        self.options: list[dict[str, Any]] = []
        self.batches: list[int] = []

    def encode(self, row: Row, target: str | None) -> dict[str, list[int]]:
        prompt = {"decoder_prompt": [1]}
        return prompt if target is None else {**prompt, "labels": [len(row.get(target))]}

    def forward(self, inputs: Any, tokens: Any) -> Any:
        raise AssertionError("an evaluation translates, and asks for no logits")

    def generate(self, inputs: Any, tokens: Any, **options: Any) -> list[Translation]:
        assert list(tokens) == ["decoder_prompt"], "the truth is at hand"
        assert not self.training
        self.options.append(options)
        self.batches.append(inputs.mask.numel())
        steps = inputs.values.squeeze(-1).int().tolist()
        lengths = inputs.lengths.tolist()
        said = [self.say(one[:n], inputs) for one, n in zip(steps, lengths, strict=True)]
        return [Translation(text, 1 / (1 + len(text))) for text in said]


def make_pipeline(say: Any = None, evaluation: str = "") -> Pipeline:
    plan: Any = SimpleNamespace(recipe=parse_recipe(RECIPE + evaluation))
    parts = {"streams.hands.encoder": Same(None), "decoder": Reader(say)}
    return Pipeline(plan, {"streams.hands.processor": Signs(None)}, parts)


def make_manifest(file: Path, samples: int, seed: int, **columns: str) -> Manifest:
    """Sentences of two to nine words; the text is what the signs say."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(samples):
        signs = rng.integers(1, len(WORDS), size=rng.integers(2, 10)).tolist()
        text = " ".join(WORDS[sign] for sign in signs)
        rows.append([f"{file.stem}-{number}", " ".join(map(str, signs)), text, *columns.values()])
    write_manifest(file, ["id", "signs", "text", *columns], rows)
    return read_manifest(file)


def make_dataset(pipeline: Pipeline, manifest: Manifest) -> SampleDataset:
    dataset = SampleDataset(manifest, pipeline, cache=SignalCache(0.1))
    assert dataset.probe() == []
    return dataset


def score(pipeline: Pipeline, manifests: dict[str, Manifest], folder: Path) -> Path:
    """Evaluate on the test split and write the scores into the folder of a run."""
    from slp_train.evaluation import evaluate, write_evaluation

    dataset = make_dataset(pipeline, manifests["test"])
    write_evaluation(evaluate(pipeline, dataset, manifests, "test"), folder)
    return folder


def unsteady(steps: list[int], batch: Any) -> str:
    """Forgets the last word in batches of an odd number of samples."""
    return " ".join(WORDS[step] for step in steps[: len(steps) - len(batch.values) % 2])


def main(folder: Path) -> None:
    from slp_train import distributed

    pipeline = make_pipeline(unsteady, '\nmetrics = ["bleu"]')
    manifests = {name: read_manifest(folder / f"{name}.tsv") for name in ("train", "test")}
    score(pipeline, manifests, folder / f"{distributed.rank()}-of-{distributed.world_size()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
