"""What each part of SpaMo, SignLLM and SignBind-LLM is worth, on a language that is known wholly.

Trains variants of ``recipes/tiny/{spamo,signllm,signbind}.toml`` on the synthetic language's
videos, scores them on signers they have not seen, and asks each which of two sentences a
clip says: the reference, or the same with one sign's word replaced by that of its minimal pair
(``monday`` and ``friday`` differ in handshape alone). Guessing is right half the time::

    python benchmarks/minimal_pairs.py [--seeds 3] [--only "spatial" "motion"] [--folder FOLDER]
                                       [--signbind RUN]

The variants are those of ``variants.py``. Finished ones are in ``FOLDER/results.jsonl`` and are not
trained again. SignBind's experts and language model of seed 0 are taken from a finished run of its
tiny recipe where one is given (``--signbind``). The language model hears no signs, so that the two
readings are glosses there, and CTC says which is likelier. ``names``: how many of the spelled
names a translation holds or a note on it tells; ``unseen names``: the same of names that training
never spells, in other films; ``letters``: how many of theirs the expert reads; ``rest``: BLEU-4 of
the sentences without a name; ``route``: the area under the curve of the route to fingerspelling
over the steps of all clips, held against the spelled spans.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import tomli_w
import torch
from attrs import frozen
from rich.console import Console
from rich.table import Table
from torch.nn.utils.rnn import pad_sequence as pad
from variants import LANGUAGE_MODEL, LEARNT, VARIANTS, Recipe, speaking, table_of

from slp_core.batch import Sample, collate
from slp_core.build import build
from slp_core.check import check
from slp_core.ctc import log_likelihood
from slp_core.dataset import SampleDataset
from slp_core.manifest import Manifest, Row
from slp_core.parts import Translation
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_encoders.synthetic.lexicon import MINIMAL_PAIRS
from slp_fusion.objectives.route.outcome import route_auc
from slp_train.evaluation.readings import judge_readings
from slp_train.evaluation.scores import build_metrics
from slp_train.evaluation.translation import translate_dataset
from slp_train.features import encoded, kept_streams
from slp_train.metrics.text import words
from slp_train.run import prepare_corpus, read_manifests
from slp_train.stage import run_stage

Shares = dict[str, float]

#: the word of a sign in English, where replacing it gives a sentence
WORDS = {
    "MONDAY": "monday", "FRIDAY": "friday", "SUNDAY": "sunday", "RAIN": "rain", "SNOW": "snow",
    "WEAK": "weak", "STRONG": "strong", "GUSTY": "gusty", "TWENTY": "twenty", "THIRTY": "thirty",
    "TODAY": "today", "TOMORROW": "tomorrow", "MOUNTAIN": "mountains", "VALLEY": "valleys",
    "FROST": "frost", "ICE": "ice", "HIGH": "high", "LOW": "low", "MORNING": "morning",
    "EVENING": "evening", "NORTH": "north", "SOUTH": "south", "EAST": "east", "WEST": "west",
    "CITY": "cities", "VILLAGE": "villages", "CLOUD": "cloud", "FOG": "fog",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--folder", type=Path, default=Path("minimal-pairs"))
    parser.add_argument("--signbind", type=lambda path: Path(path).resolve(), metavar="RUN")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(options.folder)
    results, known = Path("results.jsonl"), dict[str, Pipeline]()
    if options.signbind is not None:
        given = Pipeline.from_pretrained(options.signbind)
        corpus = table_of("signbind", options.set)["data"]["corpus"]
        if given.recipe.source.table["data"]["corpus"] != corpus:
            parser.error(f"--signbind: the run's corpus is another one than {corpus}")
        known = dict.fromkeys(["see-signbind", "learnt-signbind-0"], given)
    done = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for seed in range(options.seeds):
        for name in options.only:
            if any(one["variant"] == name and one["seed"] == seed for one in done):
                continue
            recipe, change = VARIANTS[name]
            table = table_of(recipe, options.set)
            behind = learnt(recipe, table, seed, known)
            table = deepcopy(table)
            table["recipe"]["seed"] = seed
            change(table)
            done.append(measure(table, name, seed, behind))
            with results.open("a") as stream:
                stream.write(json.dumps(done[-1]) + "\n")
    show(done)


def learnt(recipe: str, table: Recipe, seed: int, known: dict[str, Pipeline]) -> Learnt:
    """What the variants of a recipe share, trained where it is not ``known`` yet."""
    first, then = LEARNT[recipe]
    see, more = f"see-{recipe}", f"learnt-{recipe}-{seed}"
    if see not in known:
        known[see] = learn(table, first, Path(see))
    if then and more not in known:
        seeded = table | {"recipe": table["recipe"] | {"seed": seed}}
        known[more] = learn(seeded, then, Path(more), Learnt(known[see], trained(table, first)))
    return Learnt(known[more if then else see], trained(table, [*first, *then]))


@frozen
class Learnt:
    """A pipeline, and the parts of it that others take over where they have them, too."""

    pipeline: Pipeline
    paths: list[str]

    def give(self, pipeline: Pipeline) -> None:
        theirs = dict(pipeline.named_modules())
        for path in self.paths:
            if path in theirs:
                theirs[path].load_state_dict(self.pipeline.get_submodule(path).state_dict())


def trained(table: Recipe, stages: list[str]) -> list[str]:
    return [path for one in table["stages"] if one["name"] in stages for path in one["train"]]


def learn(table: Recipe, stages: list[str], folder: Path, behind: Learnt | None = None) -> Pipeline:
    """Train some of a recipe's stages."""
    kept = [one for one in table["stages"] if one["name"] in stages]
    pipeline, data = opened(table | {"stages": kept})
    if behind is not None:
        behind.give(pipeline)
    training, validation = (dataset(pipeline, data[split]) for split in ("train", "validation"))
    training.training = True
    for stage in pipeline.recipe.stages:
        run_stage(pipeline, pipeline.plan, stage, training, validation, folder / stage.name)
    return pipeline


def measure(table: Recipe, name: str, seed: int, behind: Learnt) -> dict[str, Any]:
    """Train a variant behind what is learnt, and score it."""
    began = time.monotonic()
    if table["decoder"].get("model") == LANGUAGE_MODEL:
        learn_to_speak(table)
    pipeline, data = opened(table)
    behind.give(pipeline)
    sets = {split: dataset(pipeline, rows) for split, rows in data.items()}
    sets["train"].training = True
    folder = Path(f"{name}-{seed}".replace(", ", "-").replace(" ", "-"))
    for stage in pipeline.recipe.stages:
        run_stage(
            pipeline, pipeline.plan, stage, sets["train"], sets["validation"], folder / stage.name
        )
    rows = sets["test"].rows
    said = translate_dataset(pipeline, sets["test"], batch_steps=2048)
    score = bleu(pipeline, [one.text for one in said], rows)
    shares = {parameter: mean(hits) for parameter, hits in choices(pipeline, sets["test"]).items()}
    if name.startswith("SignBind"):
        shares |= spelled(table, pipeline, said, rows)
    if getattr(pipeline.part("fusion"), "router", None) is not None:
        clips = (sets["test"][number] for number in range(len(rows)))
        shares["route"] = route_auc(pipeline, clips)
    seconds = time.monotonic() - began
    return {"variant": name, "seed": seed, "BLEU-4": score, **shares, "seconds": round(seconds)}


def bleu(pipeline: Pipeline, said: list[str], rows: list[Row]) -> float:
    (metric,) = build_metrics([pipeline.recipe.evaluation.metrics[0]], "en")
    return metric.score(said, [row.get("text") for row in rows]).value


def spelled(table: Recipe, pipeline: Pipeline, said: list[Translation], rows: list[Row]) -> Shares:
    """The share of spelled names that are told, those of training and others, and BLEU-4 of the
    sentences without one."""
    rest = [place for place, row in enumerate(rows) if not row.get("letters")]
    score = bleu(pipeline, [said[place].text for place in rest], [rows[place] for place in rest])
    return {"names": told(said, rows), **unseen_names(table, pipeline), "rest": score}


def told(said: list[Translation], rows: list[Row]) -> float:
    """The share of spelled names that a translation holds or a note on it tells."""
    found = []
    for row, one in zip(rows, said, strict=True):
        text = " ".join([one.text, *(f"{note.message} {note.offer}" for note in one.notes)])
        if name := row.get("letters"):
            found.append(name.casefold() in words(text, lowercase=True))
    return mean(found)


def unseen_names(table: Recipe, known: Pipeline) -> Shares:
    """Of names that training never spells, in other films of the same signers: the share that is
    told, and that of their letters that the expert reads."""
    table = deepcopy(table)
    table["data"] |= {"root": "unseen", "corpus": table["data"]["corpus"] | {"unseen_names": True}}
    for name in ("frames", "mouths"):
        table["streams"][name]["processor"]["poses"] = "unseen/poses"
    pipeline, data = opened(table)
    pipeline.load_state_dict(known.state_dict())
    clips = dataset(pipeline, data["test"])
    said = translate_dataset(pipeline, clips, batch_steps=2048)
    read = {one.column: one.accuracy / 100 for one in judge_readings(pipeline, clips.rows, said)}
    letters = {"letters": read["letters"]} if "letters" in read else {}
    return {"unseen names": told(said, clips.rows), **letters}


def learn_to_speak(table: Recipe) -> None:
    """The language model of the variants that begin with one, in a folder of its own."""
    if Path(LANGUAGE_MODEL).exists():
        return
    pipeline, data = opened(speaking(table))
    training, validation = (dataset(pipeline, data[split]) for split in ("train", "validation"))
    only = pipeline.recipe.stages[0]
    run_stage(pipeline, pipeline.plan, only, training, validation, Path("speak"))
    pipeline.decoder.model.save_pretrained(LANGUAGE_MODEL)
    pipeline.decoder.tokenizer.save_pretrained(LANGUAGE_MODEL)


def opened(table: Recipe) -> tuple[Pipeline, dict[str, Manifest]]:
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
    cascade = hasattr(pipeline.decoder, "first")
    column, likely = ("gloss", read_likelihoods) if cascade else ("text", likelihoods)
    for number, row in enumerate(clips.rows):
        asked = list(swaps(row, column))
        texts = [row.get(column), *(text for _, text in asked)]
        own, *others = likely(pipeline, clips[number], texts)
        for (parameter, _), other in zip(asked, others, strict=True):
            found[parameter].append(own > other)
    return found


def swaps(row: Row, column: str = "text") -> Iterator[tuple[str, str]]:
    """The sentence, or its glosses, with one word replaced by that of a minimal pair, by
    parameter."""
    words = row.get(column).split()
    for parameter, pairs in MINIMAL_PAIRS.items():
        for pair in pairs:
            for ours, theirs in (pair, pair[::-1]):
                one, other = (ours, theirs) if column == "gloss" else map(WORDS.get, (ours, theirs))
                if ours in row.get("gloss").split() and other and words.count(one) == 1:
                    yield parameter, " ".join(other if word == one else word for word in words)


@torch.no_grad()
def read_likelihoods(pipeline: Pipeline, sample: Sample, texts: list[str]) -> list[float]:
    """log P(glosses | clip) of each text of glosses, as a cascade reads them."""
    first, steps = pipeline.decoder.first, pipeline(collate([sample])).last
    log_probs = first.log_probs(steps).expand(len(texts), -1, -1)  # (b, t, u)
    said = [torch.tensor(first.units.encode(text)) for text in texts]
    lengths = torch.tensor([len(one) for one in said])
    told = log_likelihood(log_probs, steps.lengths.expand(len(texts)), pad(said, True), lengths)
    return told.tolist()


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
    columns = ["BLEU-4", *MINIMAL_PAIRS, "names", "unseen names", "letters", "rest", "route"]
    plain = ("BLEU-4", "rest")  # all others are shares
    table = Table("variant", "seeds", *columns, title="mean and 95 % interval over seeds")
    for name in VARIANTS:
        ours = [one for one in results if one["variant"] == name]
        if ours:
            cells = [interval([one[c] * (1 if c in plain else 100) for one in ours])
                     if c in ours[0] else "" for c in columns]  # fmt: skip
            table.add_row(name, str(len(ours)), *cells)
    Console(width=180).print(table)  # whole, where no terminal says how wide


#: the 97.5th percentile of Student's distribution, by degrees of freedom
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


def interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{mean(values):.1f}"
    wide = STUDENT.get(len(values) - 1, 1.96) * stdev(values) / math.sqrt(len(values))
    return f"{mean(values):.1f} ± {wide:.1f}"


if __name__ == "__main__":
    main()
