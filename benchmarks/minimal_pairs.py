"""What each stream perceives: signs that differ in one parameter only, told apart or not.

Trains variants of ``recipes/tiny/spamo.toml`` on the synthetic language's videos and asks each
which of two sentences a clip of an unseen signer says: the reference, or the same with one sign's
word replaced by that of its minimal pair (``monday`` and ``friday`` differ in handshape alone).
Guessing is right half the time::

    python benchmarks/minimal_pairs.py [--seeds 3] [--only both motion] [--folder minimal-pairs]

The encoders learn to see once and are shared by all variants and seeds; what a seed draws is all
that comes behind them. Motion alone skips the adapter's convolutions, as in SpaMo: few windows
would come out of them. Finished variants are in ``<folder>/results.jsonl`` and not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import tomli_w
import torch
from rich.console import Console
from rich.table import Table

from slp_core.batch import Sample, collate
from slp_core.build import build
from slp_core.check import check
from slp_core.dataset import SampleDataset
from slp_core.manifest import Manifest, Row
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import load_recipe, parse_recipe
from slp_encoders.synthetic.lexicon import MINIMAL_PAIRS
from slp_train.evaluation.scores import build_metrics
from slp_train.evaluation.translation import translate_dataset
from slp_train.features import encoded, kept_streams
from slp_train.run import prepare_corpus, read_manifests
from slp_train.stage import run_stage

RECIPE = Path(__file__).parent.parent / "recipes/tiny/spamo.toml"

#: the word of a sign in English, where replacing it gives a sentence
WORDS = {
    "MONDAY": "monday", "FRIDAY": "friday", "SUNDAY": "sunday", "RAIN": "rain", "SNOW": "snow",
    "WEAK": "weak", "STRONG": "strong", "GUSTY": "gusty", "TWENTY": "twenty", "THIRTY": "thirty",
    "TODAY": "today", "TOMORROW": "tomorrow", "MOUNTAIN": "mountains", "VALLEY": "valleys",
    "FROST": "frost", "ICE": "ice", "HIGH": "high", "LOW": "low", "MORNING": "morning",
    "EVENING": "evening", "NORTH": "north", "SOUTH": "south", "EAST": "east", "WEST": "west",
    "CITY": "cities", "VILLAGE": "villages", "CLOUD": "cloud", "FOG": "fog",
}  # fmt: skip

#: by variant: the streams that are fused, and whether VT-Align comes first
VARIANTS: dict[str, tuple[list[str], bool]] = {
    "both": (["spatial", "motion"], True),
    "spatial": (["spatial"], True),
    "motion": (["motion"], True),
    "both, no VT-Align": (["spatial", "motion"], False),
    "spatial, no VT-Align": (["spatial"], False),
    "motion, no VT-Align": (["motion"], False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--folder", type=Path, default=Path("minimal-pairs"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    base = load_recipe(RECIPE, [f"data.root={options.folder}/corpus", *options.set]).source.table
    seeing = learn_to_see(base, options.folder)
    results = options.folder / "results.jsonl"
    done = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for seed in range(options.seeds):
        for name in options.only:
            if not any(one["variant"] == name and one["seed"] == seed for one in done):
                done.append(measure(base, name, seed, seeing, options.folder))
                with results.open("a") as stream:
                    stream.write(json.dumps(done[-1]) + "\n")
    show(done)


def learn_to_see(base: dict[str, Any], folder: Path) -> Pipeline:
    """The recipe's first stage, once."""
    pipeline, data = opened(base | {"stages": base["stages"][:1]})
    stage = pipeline.recipe.stages[0]
    training, validation = (dataset(pipeline, data[split]) for split in ("train", "validation"))
    training.training = True
    run_stage(pipeline, pipeline.plan, stage, training, validation, folder / "see")
    return pipeline


def measure(
    base: dict[str, Any], name: str, seed: int, seeing: Pipeline, folder: Path
) -> dict[str, Any]:
    """Train a variant from seen features on, and score it."""
    began = time.monotonic()
    pipeline, data = opened(variant(base, name, seed))
    for path in (path for path in pipeline.parts if path.endswith(".encoder")):
        pipeline.part(path).load_state_dict(seeing.part(path).state_dict())
    sets = {split: dataset(pipeline, rows) for split, rows in data.items()}
    sets["train"].training = True
    for stage in pipeline.recipe.stages:
        place = folder / f"{name}-{seed}".replace(", ", "-").replace(" ", "-") / stage.name
        run_stage(pipeline, pipeline.plan, stage, sets["train"], sets["validation"], place)
    rows = sets["test"].rows
    said = [one.text for one in translate_dataset(pipeline, sets["test"])]
    (bleu,) = build_metrics([pipeline.recipe.evaluation.metrics[0]], "en")
    score = bleu.score(said, [row.get("text") for row in rows]).value
    chosen = {parameter: mean(hits) for parameter, hits in choices(pipeline, sets["test"]).items()}
    seconds = time.monotonic() - began
    return {"variant": name, "seed": seed, "BLEU-4": score, **chosen, "seconds": round(seconds)}


def variant(base: dict[str, Any], name: str, seed: int) -> dict[str, Any]:
    """The recipe without its first stage and without what the variant lacks."""
    streams, aligned = VARIANTS[name]
    table = deepcopy(base)
    table["recipe"]["seed"] = seed
    table["fusion"]["streams"] = streams
    kept = {*streams, *(table["streams"][stream]["from"] for stream in streams)}
    table["streams"] = {name: one for name, one in table["streams"].items() if name in kept}
    table["mapper"]["tcn"] = streams != ["motion"]
    table["stages"] = table["stages"][1:] if aligned else table["stages"][2:]
    for stage in table["stages"]:
        mappers = [f"streams.{stream}.mapper" for stream in streams]
        stage["train"] = [*mappers, *(p for p in stage["train"] if not p.startswith("streams."))]
        if not aligned:
            stage["objectives"] = stage["objectives"][:1]
    return table


def opened(table: dict[str, Any]) -> tuple[Pipeline, dict[str, Manifest]]:
    plan = check(parse_recipe(tomli_w.dumps(table)))
    prepare_corpus(plan)
    manifests = read_manifests(plan.recipe, ("train", "validation", "test"))
    return build(plan, train=manifests["train"]), manifests


def dataset(pipeline: Pipeline, rows: Manifest) -> SampleDataset:
    """Rows whose frozen encoders' output is read from the feature cache, all of them good."""
    reader = None
    if streams := kept_streams(pipeline):
        reader, rows, bad = encoded(pipeline, streams, rows, rows.file.stem)
        assert not bad
    found = SampleDataset(rows, pipeline, reader=reader)
    assert not found.probe()
    return found


def choices(pipeline: Pipeline, clips: SampleDataset) -> dict[str, list[bool]]:
    """By parameter: whether the sentence that was signed is the likelier one of two."""
    found: dict[str, list[bool]] = defaultdict(list)
    for number, row in enumerate(clips.rows):
        sample = clips[number]
        asked = list(swaps(row))
        texts = [row.get("text"), *(text for _, text in asked)]
        own, *others = likelihoods(pipeline, sample, texts)
        for (parameter, _), other in zip(asked, others, strict=True):
            found[parameter].append(own > other)
    return found


def swaps(row: Row) -> Iterator[tuple[str, str]]:
    """The sentence with one word replaced by that of a minimal pair, by parameter."""
    words = row.get("text").split()
    for parameter, pairs in MINIMAL_PAIRS.items():
        for pair in pairs:
            for ours, theirs in (pair, pair[::-1]):
                one, other = WORDS.get(ours), WORDS.get(theirs)
                if ours in row.get("gloss").split() and other and words.count(one) == 1:
                    yield parameter, " ".join(other if word == one else word for word in words)


@torch.no_grad()
def likelihoods(pipeline: Pipeline, sample: Sample, texts: list[str]) -> list[float]:
    """log P(text | clip) of each text."""
    samples = []
    for text in texts:
        ids = pipeline.decoder.encode(sample.row, text)
        tokens = {f"decoder.{name}": one for name, one in ids.items()}
        samples.append(Sample(sample.row, sample.signals, tokens))
    batch = collate(samples)
    labels = batch.tokens_of("decoder")["labels"]
    logits = pipeline.decoder(pipeline(batch).last, batch.tokens_of("decoder"))  # (b, l, v)
    told = logits.log_softmax(-1).gather(-1, labels.ids[..., None]).squeeze(-1)  # (b, l)
    return told.masked_fill(~labels.mask, 0).sum(1).tolist()


def show(results: list[dict[str, Any]]) -> None:
    columns = ["BLEU-4", *MINIMAL_PAIRS]
    table = Table("variant", "seeds", *columns, title="mean and 95 % interval over seeds")
    for name in VARIANTS:
        ours = [one for one in results if one["variant"] == name]
        if ours:
            cells = [interval([one[c] * (1 if c == "BLEU-4" else 100) for one in ours])
                     for c in columns]  # fmt: skip
            table.add_row(name, str(len(ours)), *cells)
    Console().print(table)


#: the 97.5th percentile of Student's distribution, by degrees of freedom
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


def interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{mean(values):.1f}"
    wide = STUDENT.get(len(values) - 1, 1.96) * stdev(values) / math.sqrt(len(values))
    return f"{mean(values):.1f} ± {wide:.1f}"


if __name__ == "__main__":
    main()
