"""The recipe's JSON Schema against shipped recipes, and against what `slp check` refuses."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from slp_cli.commands.recipe import command
from slp_core import registry
from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.recipe_file import load_recipe, read_source
from slp_core.recipe_schema import recipe_schema
from slp_core.recipe_tables import structure_recipe

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))
TINY = ROOT / "recipes/tiny/multimodalhugs-pose.toml"


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    made = recipe_schema()
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def faults(schema: Draft202012Validator, table: dict) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in schema.iter_errors(table)]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_shipped_recipe_is_valid_as_written_and_resolved(schema, file):
    assert faults(schema, tomllib.loads(file.read_text())) == []
    assert faults(schema, load_recipe(file).source.table) == []


MALFORMED = [
    'decoder.use="seq2sec"',
    "decoder.scratch.dmi=32",
    'decoder.scratch.dim="32"',
    "decoder.scratch.dim=2",
    'decoder.dtype="float8"',
    'decoder={use="cascade", first={}, then={use="seq2sec"}}',
    'decoder={use="cascade", then={use="seq2seq"}}',
    "decoder={dim=32}",
    'streams.pose.mapper="cnnn"',
    'streams.pose.enc="pose"',
    'streams.pose.from="other"',
    'streams={"a.b"={signal="pose", encoder="pose"}}',
    "streams={}",
    "recipe.seed=-1",
    'recipe.name=""',
    "recipe.schema=2",
    "stages.0.epochs=0",
    "stages.0.steps=10",
    'stages.0.fit=["mapper"]',
    "stages.0.objectives=[]",
    "stages.0.objectives.0.wieght=2",
    'stages.0.objectives.0={use="mmd", widths=1}',
    'data.corpus={use="phoenix14t"}',
    'data.annotate=[{use="letters", splits=["dev"]}]',
    'data.precision="float8"',
    'evaluation.metrics=["blue"]',
    "evaluations={}",
]


@pytest.mark.parametrize("setting", MALFORMED)
def test_what_the_check_refuses_the_schema_refuses(schema, setting):
    table = read_source(TINY, [setting]).table
    assert faults(schema, table)
    with pytest.raises(RecipeError):
        check(structure_recipe(read_source(TINY, [setting])))


WELL_FORMED = [
    'decoder="ctc"',
    'decoder.use="slp-llm:seq2seq"',
    'decoder={use="cascade", first={target="gloss"}, then={use="seq2seq", scratch={}}}',
    'streams.pose.mapper={use="ctc-expert", target="gloss"}',
    "data.cache_gib=1",
    "stages.0.epochs=1.5",
    'data.annotate=["phonemes", {use="letters", rule="capitals", splits=["train"]}]',
]


@pytest.mark.parametrize("setting", WELL_FORMED)
def test_what_the_check_takes_the_schema_takes(schema, setting):
    source = read_source(TINY, [setting])
    assert faults(schema, source.table) == []
    check(structure_recipe(source))


def test_a_variant_may_leave_out_what_it_does_not_change(schema):
    lora = {"decoder": {"lora": {"rank": 8}}}
    assert faults(schema, {"extends": "base.toml", **lora}) == []
    assert faults(schema, lora)
    assert faults(schema, {"extends": "base.toml", "decoder": {"lora": {"rnak": 8}}})


def test_a_required_key_that_is_missing_is_a_fault(schema):
    table = tomllib.loads(TINY.read_text())
    for name in ("recipe", "streams", "decoder"):
        assert faults(schema, {key: one for key, one in table.items() if key != name})


def test_every_key_has_its_help_and_its_default(schema):
    """`use` of a part tells its summary and paper."""
    ctc = schema.schema["$defs"]["mapper.slp-fusion:ctc-expert"]
    assert ctc["required"] == ["use", "target"]
    assert ctc["properties"]["use"]["enum"] == ["ctc-expert", "slp-fusion:ctc-expert"]
    assert "(arXiv:2509.00030)" in ctc["properties"]["use"]["description"]
    layers = ctc["properties"]["layers"]
    assert (layers["type"], layers["minimum"], layers["default"]) == ("integer", 1, 2)
    assert "stacked layers" in layers["description"]


def test_two_packages_with_one_name_need_the_long_one(monkeypatch):
    fusions = list(registry.of_kind("fusion"))
    double = attrs.evolve(fusions[0], distribution="other")
    monkeypatch.setattr(registry, "entries", lambda: (*fusions, double))
    names = recipe_schema()["$defs"]["fusion"]["anyOf"][0]["enum"]
    assert fusions[0].name not in names and fusions[1].name in names
    assert {fusions[0].long_name, double.long_name} <= set(names)


def test_the_command_writes_it_to_a_file_or_tells_it(tmp_path):
    file = tmp_path / "recipe.schema.json"
    written = CliRunner().invoke(command, ["schema", "-o", str(file)])
    assert written.output == f"{file}\n"
    told = CliRunner().invoke(command, ["schema"]).output
    assert json.loads(file.read_text()) == json.loads(told) == recipe_schema()


def test_of_a_broken_part_the_name_is_known(monkeypatch):
    point = EntryPoint("broken", "nowhere:SPEC", "slp.fusion")
    broken = registry.Entry("fusion", "broken", "other", "1", point)
    monkeypatch.setattr(registry, "entries", lambda: (broken,))
    made = recipe_schema()["$defs"]["fusion.other:broken"]
    assert "No module named 'nowhere'" in made["properties"]["use"]["description"]
    assert Draft202012Validator(made).is_valid({"use": "broken", "any": 1})
