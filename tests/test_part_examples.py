"""What `slp plugins show` says of every part, installed or made by `slp plugins new`, can be pasted
into a recipe that checks."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from slp_cli.commands.plugins.new import DOES, write_package
from slp_core import registry
from slp_core.check import check
from slp_core.examples import example_keys, passages, snippet
from slp_core.recipe import Source
from slp_core.recipe_file import read_source
from slp_core.recipe_tables import structure_recipe

TINY = Path(__file__).parent.parent / "recipes/tiny/multimodalhugs-pose.toml"
PARTS = [entry for entry in registry.entries() if entry.kind != "command"]
HAND = {"signal": "pose", "encoder": "pose", "mapper": {"use": "linear", "dim": 32}}
EXPERT = {**HAND, "mapper": {"use": "ctc-expert", "target": "gloss", "dim": 32}}
ROUTE = {"on": "frames", "between": ["signing", "fingerspelling"]}
NARROW = {"use": "pose-transformer", "dim": 32}
CODES = {"streams": {"pose": {"signal": "pose", "encoder": NARROW, "tokenizer": "vq-sign"}}}
#: What some parts stand beside.
BESIDE: dict[str, dict[str, Any]] = {
    "cra": CODES,
    "context-prediction": CODES,
    "regression": {"streams": {"pose": HAND, "hands": HAND}, "fusion": {"use": "concat"}},
    "ctc": {"decoder": "ctc"},
    "route": {
        "streams": {"frames": HAND, "signing": EXPERT, "fingerspelling": EXPERT},
        "fusion": {"use": "adaptive-gate", "route": ROUTE},
    },
}


def placed(entry: registry.Entry) -> dict[str, Any]:
    """A recipe into which the part's lines are pasted."""
    spec = entry.load()
    text = snippet(entry, spec)
    lines = tomllib.loads(text)
    table: dict[str, Any] = {**read_source(TINY).table}
    stage = table["stages"][0]
    table |= BESIDE.get(entry.name, {}) if entry.kind in ("objective", "mapper") else {}
    if entry.kind == "processor":
        given = (entry.name, example_keys(spec))
        encoders = [
            one.name
            for one in registry.of_kind("encoder")
            if any((way.source, way.reader) == given for way in passages(one.load()))
        ]
        reader = registry.find("encoder", encoders[0])
        use = tomllib.loads(snippet(reader, reader.load()))["streams"].popitem()[1]["encoder"]
        lines["streams"][entry.name]["encoder"] = use
    if entry.kind in ("processor", "encoder"):
        table["streams"] = {name: {**one, "mapper": "linear"}
                            for name, one in lines["streams"].items()}  # fmt: skip
    elif entry.kind == "tokenizer":
        table["streams"]["pose"] |= lines
    elif entry.kind == "fusion":
        table |= {"streams": {"hands": HAND, "lips": HAND}, **lines}
    elif entry.kind in ("mapper", "decoder"):
        table |= lines
        stage["train"] = [entry.kind]
        if entry.name == "ctc":
            stage["objectives"] = ["ctc"]
    elif entry.kind == "objective":
        stage |= {"train": ["streams"], **lines}
        stage["objectives"][0] |= {"context-prediction": {"on": "streams.pose.tokenizer"},
                                   "regression": {"on": "streams.pose.encoder"},
                                   "route": {"on": "fusion", "target": "spans"},
                                   }.get(entry.name, {})  # fmt: skip
    else:
        where = "[evaluation]" if entry.kind == "metric" else "[data]"
        assert text.startswith(f"# in {where}\n")
        table[where.strip("[]")] |= lines
    return table


def assert_lines_check(entry: registry.Entry) -> None:
    table = placed(entry)
    plan = check(structure_recipe(Source("shown.toml", table, {})))
    objectives = [node for nodes in plan.objectives.values() for node in nodes]
    beside = [*objectives, *plan.metrics, *plan.annotators, *([plan.corpus] if plan.corpus else [])]
    assert entry in [node.entry for node in [*plan.nodes.values(), *beside]]


@pytest.mark.parametrize("entry", PARTS, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_the_lines_of_every_part_check(entry):
    assert_lines_check(entry)


@pytest.mark.parametrize("kind", [kind for kind in DOES if kind != "command"])
def test_the_lines_of_a_new_part_check(kind, tmp_path, monkeypatch):
    name = f"some-{kind}"
    write_package(name, kind, tmp_path / name)
    written = tomllib.loads((tmp_path / name / "pyproject.toml").read_text())["project"]
    (value,) = written["entry-points"][f"slp.{kind}"].values()
    point = EntryPoint(name, value, f"slp.{kind}")
    entry = registry.Entry(kind, name, written["name"], "0.1.0", point)
    known = registry.entries()
    monkeypatch.setattr(registry, "entries", lambda: (*known, entry))
    monkeypatch.syspath_prepend(tmp_path / name / "src")
    assert_lines_check(entry)
    assert f"slp_some_{kind}.spec" in sys.modules
    spec = entry.load()
    assert bool(list(passages(spec))) == (spec.signature is not None)


@pytest.mark.parametrize("entry", PARTS, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_signature_takes_something_typical(entry):
    spec = entry.load()
    assert bool(list(passages(spec))) == (spec.signature is not None)


def ways(kind: str, name: str) -> list[tuple[str, str]]:
    return [(way.takes, way.gives) for way in passages(registry.find(kind, name).load())]


def test_signatures_in_einops_words():
    """Read by hand off the specs: widths, codes, clocks."""
    assert ways("processor", "pose") == [("a column of the manifest", "b t d=712 (pose)")]
    assert ("b t d=712 (pose)", "b t d=256") in ways("encoder", "pose-transformer")
    assert ways("encoder", "videomae")[0] == ("b t c=3 h=224 w=224 (video, uint8)", "b t/8 d'")
    assert ways("tokenizer", "vq-sign") == [("b t d", "b t d vocabulary=256")]
    assert ways("mapper", "cra") == [("b t d vocabulary=256", "b t' d")]
    assert ways("mapper", "linear") == [("b t d", "b t d'")]
    assert ways("fusion", "concat") == [("hands: b t d; lips: b t d", "b t' d")]
    assert ways("decoder", "ctc") == [("b t d", "b (text)")]
    assert ways("objective", "mmd") == []
