"""The variants of SpaMo, SignLLM and SignBind-LLM that ``minimal_pairs.py`` compares.

Each is a recipe of ``recipes/tiny`` with something left out or put in the place of something else.
The encoders of a recipe learn to see once and are shared by its variants and all seeds; what a
seed draws is all that comes behind them. SpaMo's streams are kept apart here: pictures, of the hand
alone, tell its shape, and windows the ways that the arms go; what else an encoder saw is not handed
on. Motion alone skips the adapter's convolutions, as in SpaMo: few windows would come out of them.
"by channel" fuses both streams step by step instead of one behind the other. The language model of
"frozen" and "LoRA" has learnt to translate the corpus's German sentences to English first.
SignBind's experts and its language model are trained once a seed: its variants differ in what joins
the experts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from slp_core.recipe_file import load_recipe

RECIPES = Path(__file__).parent.parent / "recipes/tiny"
Recipe = dict[str, Any]
LANGUAGE_MODEL = "language-model"  #: folder, below that of the results


def table_of(recipe: str, settings: Iterable[str] = ()) -> Recipe:
    """A recipe that variants change, with what they all set in it."""
    every = ["data.root=corpus", *SETTINGS[recipe], *settings]
    return load_recipe(RECIPES / f"{recipe}.toml", every).source.table


def spamo(
    table: Recipe, streams: list[str], aligned: bool = True, lm: str = "", by_channel: bool = False
) -> None:
    """SpaMo with some of its streams, with VT-Align or without, with a language model of its own
    or one that is there already (frozen or with LoRA), fused along time or by channel."""
    taught(table, streams)
    if by_channel:
        table["fusion"] |= {"axis": "channel", "resample": True}
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
    kept, trunks = set[str](), {*streams}
    while trunks:
        kept |= trunks
        trunks = {table["streams"][name].get("from", name) for name in trunks} - kept
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
    kept = {"frames", "hands-seen", "mouths", *EXPERTS} - {without}  # nor does it tell names
    table["streams"] = {name: one for name, one in table["streams"].items() if name in kept}


def speaking(table: Recipe) -> Recipe:
    """The recipe of a language model that translates the corpus's German sentences."""
    scratch = table_of("spamo")["decoder"]["scratch"]
    stage = deepcopy(table["stages"][-1])
    stage |= {"name": "speak", "train": ["streams.german", "decoder"]}
    stage["objectives"] = stage["objectives"][:1]
    german = {
        "signal": "text_de",
        "processor": {"use": "text", "vocabulary": "word"},
        "encoder": {"use": "embedding", "dim": scratch["dim"]},
    }
    return {
        **{key: table[key] for key in ("recipe", "data", "evaluation")},
        "streams": {"german": german},
        "decoder": {"use": "seq2seq", "scratch": scratch},
        "stages": [stage],
    }


EXPERTS = ["signing", "fingerspelling", "lips"]
BOTH = ["spatial", "motion"]
SETTINGS: dict[str, list[str]] = {
    "spamo": [
        "streams.pictures.processor.size=48",
        "streams.pictures.processor.crop=hand",
        "streams.pictures.processor.poses=corpus/poses",
        "streams.hands.encoder.path=false",
        "streams.hands-seen.mapper.dim=248",
        "streams.spatial.from=hands-seen",
        'streams.arms={signal="pose",processor={use="pose",components=["POSE_LANDMARKS"],points=8,'
        'coordinates=2,presence=false},encoder="pose"}',
        "streams.hands-moved.mapper.dim=64",
        "streams.motion.from=hands-moved",
        "stages.0.objectives.1.to=streams.arms.encoder",
        "stages.0.objectives.1.over=8",
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
    "SpaMo, by channel": ("spamo", partial(spamo, streams=BOTH, by_channel=True)),
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
