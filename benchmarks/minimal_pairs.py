"""What each part of SpaMo, SignLLM and SignBind-LLM is worth, on a language that is known wholly.

Trains variants of ``recipes/tiny/{spamo,signllm,signbind}.toml`` on the synthetic language's
videos, scores them on signers they have not seen, and asks each which of two sentences a
clip says: the reference, or the same with one sign's word replaced by that of its minimal pair
(``monday`` and ``friday`` differ in handshape alone). Guessing is right half the time::

    python benchmarks/minimal_pairs.py [--seeds 3] [--only "spatial" "motion"] [--folder FOLDER]
                                       [--signbind RUN]

SpaMo's pictures are of the hand alone here, so that one stream sees what it looks like and the
other where it goes. The encoders of each recipe learn to see once and are shared by its variants
and all seeds; what a seed draws is all that comes behind them. Motion alone skips the adapter's
convolutions, as in SpaMo: few windows would come out of them. The language model of "frozen" and
"LoRA" has learnt to translate the corpus's German sentences to English first. Finished variants
are in ``FOLDER/results.jsonl`` and are not trained again.

SignBind's experts and its language model are trained once a seed, its variants differ in what joins
the experts; those of seed 0 are taken from a finished run of its tiny recipe where one is given
(``--signbind``). Its language model hears no signs, so that the two readings are glosses there, and
CTC says which is likelier. ``names``: how many of the spelled names a translation holds; ``rest``:
BLEU-4 of the sentences without one; ``route``: the area under the curve of the route to
fingerspelling over the steps of all clips, held against the spelled spans.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import tomli_w
import torch
from attrs import frozen
from rich.console import Console
from rich.table import Table
from torch.nn.utils.rnn import pad_sequence as pad

from slp_core.batch import Sample, collate
from slp_core.build import build
from slp_core.check import check
from slp_core.ctc import log_likelihood
from slp_core.dataset import SampleDataset
from slp_core.manifest import Manifest, Row
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import load_recipe, parse_recipe
from slp_encoders.synthetic.lexicon import MINIMAL_PAIRS
from slp_fusion.objectives.route.outcome import route_auc
from slp_train.evaluation.scores import build_metrics
from slp_train.evaluation.translation import translate_dataset
from slp_train.features import encoded, kept_streams
from slp_train.run import prepare_corpus, read_manifests
from slp_train.stage import run_stage

RECIPES = Path(__file__).parent.parent / "recipes/tiny"
Recipe = dict[str, Any]
LANGUAGE_MODEL = "language-model"  #: folder, below that of the results

#: the word of a sign in English, where replacing it gives a sentence
WORDS = {
    "MONDAY": "monday", "FRIDAY": "friday", "SUNDAY": "sunday", "RAIN": "rain", "SNOW": "snow",
    "WEAK": "weak", "STRONG": "strong", "GUSTY": "gusty", "TWENTY": "twenty", "THIRTY": "thirty",
    "TODAY": "today", "TOMORROW": "tomorrow", "MOUNTAIN": "mountains", "VALLEY": "valleys",
    "FROST": "frost", "ICE": "ice", "HIGH": "high", "LOW": "low", "MORNING": "morning",
    "EVENING": "evening", "NORTH": "north", "SOUTH": "south", "EAST": "east", "WEST": "west",
    "CITY": "cities", "VILLAGE": "villages", "CLOUD": "cloud", "FOG": "fog",
}  # fmt: skip


def spamo(table: Recipe, streams: list[str], aligned: bool = True, lm: str = "") -> None:
    """SpaMo with some of its streams, with VT-Align or without, with a language model of its own
    or one that is there already: frozen or with LoRA."""
    taught(table, streams)
    table["mapper"]["tcn"] = streams != ["motion"]
    stages = table["stages"] = table["stages"] if aligned else table["stages"][1:]
    for stage in stages:
        stage["train"] = [f"streams.{name}.mapper" for name in streams] + ["mapper"]
        if not aligned:
            stage["objectives"] = stage["objectives"][:1]
    if lm:
        del table["decoder"]["scratch"]
        table["decoder"]["model"] = LANGUAGE_MODEL
    if lm == "LoRA":
        table["decoder"]["lora"] = {"rank": 16, "alpha": 32, "targets": ["q_proj", "v_proj"]}
    if lm != "frozen":
        stages[-1]["train"] += ["decoder.lora" if lm else "decoder"]


def signllm(table: Recipe, parts: list[str]) -> None:
    """SignLLM with some of its parts: ``vq``, ``cra``, ``mmd``."""
    taught(table, ["sign"])
    sign, stages = table["streams"]["sign"], {one["name"]: one for one in table["stages"]}
    objectives = stages["translate"]["objectives"]
    if "vq" not in parts:
        del sign["tokenizer"], stages["characters"]
        stages["translate"]["train"].remove("streams.sign")
        objectives[:] = [one for one in objectives if one["use"] != "context-prediction"]
    if "cra" not in parts:
        del sign["mapper"], stages["words"]
    if "mmd" not in parts:
        objectives[:] = [one for one in objectives if one["use"] != "mmd"]
    table["stages"] = [*stages.values()]


def taught(table: Recipe, streams: list[str]) -> None:
    """Leave out the stage in which encoders learn to see, and all streams but these and their
    trunks."""
    kept = {*streams, *(table["streams"][stream]["from"] for stream in streams)}
    table["streams"] = {name: one for name, one in table["streams"].items() if name in kept}
    table["fusion"]["streams"] = streams
    del table["stages"][0]


def signbind(table: Recipe, without: str = "", fusion: str = "adaptive-gate") -> None:
    """SignBind-LLM without one of its experts, or with another fusion; all but the fusion is
    learnt already."""
    joined = table["fusion"]
    joined["use"] = fusion
    joined["streams"] = [name for name in joined["streams"] if name != without]
    if without == "lips":
        del joined["gate"]
    if without == "fingerspelling":
        joined["streams"].remove(joined.pop("route")["on"])
    if fusion == "cross-attention":
        joined["to"] = joined.pop("gate")["with"]
    if fusion == "concat":
        del joined["gate"], joined["route"]
        joined |= {"streams": EXPERTS, "axis": "channel", "resample": True}
    table["stages"] = [one for one in table["stages"] if one["name"] == "fuse"]
    (fuse,) = table["stages"]
    if fusion == "concat":  # it has nothing to train
        fuse["train"].remove("fusion")
    if "route" not in joined:
        fuse["objectives"] = [one for one in fuse["objectives"] if one["use"] != "route"]
    kept = {"frames", "hands-seen", "mouths", *EXPERTS}
    table["streams"] = {name: one for name, one in table["streams"].items() if name in kept}


EXPERTS = ["signing", "fingerspelling", "lips"]
BOTH = ["spatial", "motion"]
SETTINGS: dict[str, list[str]] = {
    "spamo": [
        "streams.pictures.processor.size=48",
        "streams.pictures.processor.crop=hand",
        "streams.pictures.processor.poses=corpus/poses",
        "stages.0.epochs=10",
    ],
    "signllm": [],
    "signbind": [
        "streams.frames.processor.poses=corpus/poses",
        "streams.mouths.processor.poses=corpus/poses",
    ],
}
#: the stages of a recipe that are trained once: for all seeds, and then for each of them
LEARNT: dict[str, tuple[list[str], list[str]]] = {
    "spamo": (["see"], []),
    "signllm": (["see"], []),
    "signbind": (["see"], ["signing", "fingerspelling", "lips", "language"]),
}
#: by name: the recipe, and what is done to it
VARIANTS: dict[str, tuple[str, Callable[[Recipe], None]]] = {
    "SpaMo": ("spamo", partial(spamo, streams=BOTH)),
    "spatial": ("spamo", partial(spamo, streams=["spatial"])),
    "motion": ("spamo", partial(spamo, streams=["motion"])),
    "SpaMo, no VT-Align": ("spamo", partial(spamo, streams=BOTH, aligned=False)),
    "spatial, no VT-Align": ("spamo", partial(spamo, streams=["spatial"], aligned=False)),
    "motion, no VT-Align": ("spamo", partial(spamo, streams=["motion"], aligned=False)),
    "SpaMo, frozen LM": ("spamo", partial(spamo, streams=BOTH, lm="frozen")),
    "SpaMo, LoRA": ("spamo", partial(spamo, streams=BOTH, lm="LoRA")),
    "SignLLM, continuous": ("signllm", partial(signllm, parts=[])),
    "SignLLM, VQ": ("signllm", partial(signllm, parts=["vq"])),
    "SignLLM, VQ, CRA": ("signllm", partial(signllm, parts=["vq", "cra"])),
    "SignLLM, VQ, CRA, MMD": ("signllm", partial(signllm, parts=["vq", "cra", "mmd"])),
    "SignBind": ("signbind", signbind),
    "SignBind, no lips": ("signbind", partial(signbind, without="lips")),
    "SignBind, no fingerspelling": ("signbind", partial(signbind, without="fingerspelling")),
    "SignBind, cross-attention": ("signbind", partial(signbind, fusion="cross-attention")),
    "SignBind, concat": ("signbind", partial(signbind, fusion="concat")),
}


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
        known = dict.fromkeys(
            ["see-signbind", "learnt-signbind-0"], Pipeline.from_pretrained(options.signbind)
        )
    done = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for seed in range(options.seeds):
        for name in options.only:
            if any(one["variant"] == name and one["seed"] == seed for one in done):
                continue
            recipe, change = VARIANTS[name]
            settings = ["data.root=corpus", *SETTINGS[recipe], *options.set]
            table = load_recipe(RECIPES / f"{recipe}.toml", settings).source.table
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
    said = [one.text for one in translate_dataset(pipeline, sets["test"], batch_steps=2048)]
    score = bleu(pipeline, said, rows)
    told = {parameter: mean(hits) for parameter, hits in choices(pipeline, sets["test"]).items()}
    if name.startswith("SignBind"):
        told |= spelled(pipeline, said, rows)
    if getattr(pipeline.part("fusion"), "router", None) is not None:
        clips = (sets["test"][number] for number in range(len(rows)))
        told["route"] = route_auc(pipeline, clips)
    seconds = time.monotonic() - began
    return {"variant": name, "seed": seed, "BLEU-4": score, **told, "seconds": round(seconds)}


def bleu(pipeline: Pipeline, said: list[str], rows: list[Row]) -> float:
    (metric,) = build_metrics([pipeline.recipe.evaluation.metrics[0]], "en")
    return metric.score(said, [row.get("text") for row in rows]).value


def spelled(pipeline: Pipeline, said: list[str], rows: list[Row]) -> dict[str, float]:
    """The share of spelled names that are said, and BLEU-4 of the sentences without one."""
    names = [row.get("letters").lower() for row in rows]
    found = [name in text.split() for name, text in zip(names, said, strict=True) if name]
    rest = [place for place, name in enumerate(names) if not name]
    score = bleu(pipeline, [said[place] for place in rest], [rows[place] for place in rest])
    return {"names": mean(found), "rest": score}


def learn_to_speak(table: Recipe) -> None:
    """A language model that translates the corpus's German sentences, in a folder of its own."""
    if Path(LANGUAGE_MODEL).exists():
        return
    scratch = load_recipe(RECIPES / "spamo.toml").source.table["decoder"]["scratch"]
    stage = deepcopy(table["stages"][-1])
    stage |= {"name": "speak", "train": ["streams.german", "decoder"]}
    stage["objectives"] = stage["objectives"][:1]
    german = {
        "signal": "text_de",
        "processor": {"use": "text", "vocabulary": "word"},
        "encoder": {"use": "embedding", "dim": scratch["dim"]},
    }
    speaking = {
        **{key: table[key] for key in ("recipe", "data", "evaluation")},
        "streams": {"german": german},
        "decoder": {"use": "seq2seq", "scratch": scratch},
        "stages": [stage],
    }
    pipeline, data = opened(speaking)
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
    columns = ["BLEU-4", *MINIMAL_PAIRS, "names", "rest", "route"]
    plain = ("BLEU-4", "rest")  # all others are shares
    table = Table("variant", "seeds", *columns, title="mean and 95 % interval over seeds")
    for name in VARIANTS:
        ours = [one for one in results if one["variant"] == name]
        if ours:
            cells = [interval([one[c] * (1 if c in plain else 100) for one in ours])
                     if c in ours[0] else "" for c in columns]  # fmt: skip
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
