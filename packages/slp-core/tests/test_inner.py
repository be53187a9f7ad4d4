"""Parts inside parts: how they are written, checked, built, found and saved."""

from __future__ import annotations

import pytest
import torch
from attrs import field, frozen

from slp_core.build import build, sketch
from slp_core.check import check
from slp_core.errors import RecipeError, UserError
from slp_core.inner import Inner, inner_parts
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_core.schema import structure, unstructure

PAIR = """
from attrs import field, frozen
from slp_core.inner import Inner
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT

@frozen
class Pair:
    first: Inner = field(metadata={"part": "decoder", "use": "toy-words"})
    then: Inner | None = field(default=None, metadata={"part": "decoder"})

def speak(config, inputs):
    return config.first.spec.signature(config.first.config, inputs)

SPEC = ComponentSpec("decoder", Pair, "pair_model:Pair", speak)
"""
PAIR_MODEL = """
from slp_core.build import build_inner
from slp_core.parts import Decoder

class Pair(Decoder):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.first = build_inner(config.first, context, "first")
        self.then = build_inner(config.then, context, "then", target="id") if config.then else None
    def sizes(self):
        return {"d": self.first.config.dim}
    def subparts(self):
        return {"then": self.then.parameters()}
    def save_assets(self, folder):
        for name in ("first", "then"):
            (folder / name).mkdir()
            getattr(self, name).save_assets(folder / name)
    def encode(self, row, target):
        return self.first.encode(row, target)
    def forward(self, inputs, tokens):
        return self.first(inputs, tokens)
    def generate(self, inputs, tokens, **options):
        return self.first.generate(inputs, tokens)
"""
DECODER = """use = "pair"
first = { dim = 4 }
then = { use = "toy-words", dim = 7 }
"""


@pytest.fixture
def text(toy, recipe_text) -> str:
    toy(
        "pair-parts",
        "[slp.decoder]\npair = pair_spec:SPEC\n",
        pair_spec=PAIR,
        pair_model=PAIR_MODEL,
    )
    return recipe_text.replace('use = "toy-words"\n', DECODER)


def problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check(parse_recipe(text))
    return [str(problem) for problem in caught.value.problems]


def test_a_part_is_found_among_the_keys_of_another(text):
    plan = check(parse_recipe(text))
    assert inner_parts(type(plan.nodes["decoder"].config)) == ["first", "then"]
    configs = plan.configs()
    assert [path for path in configs if path.startswith("decoder")] == [
        "decoder", "decoder.first", "decoder.then",
    ]  # fmt: skip
    assert (configs["decoder.first"].dim, configs["decoder.then"].dim) == (4, 7)


def test_every_problem_inside_is_told_with_its_key_and_line(text):
    wrong = text.replace("dim = 4", "dimm = 4").replace('"toy-words", dim = 7', '"toy-wrds"')
    first, then = problems(wrong)
    assert first.startswith("recipe.toml:14: decoder.first.dimm: there is no such key")
    assert then.startswith('recipe.toml:15: decoder.then.use: no decoder "toy-wrds"')
    assert 'did you mean "toy-words"?' in then
    (value,) = problems(text.replace("dim = 7", 'dim = "7"'))
    assert 'decoder.then.dim: "7" was written, a whole number is expected' in value
    (name,) = problems(text.replace('use = "toy-words", ', ""))
    assert 'decoder.then.use: names no part; write use = "..."' in name
    (table,) = problems(text.replace('{ use = "toy-words", dim = 7 }', "3"))
    assert 'decoder.then: 3 was written, a part, { use = "...", ... }, is expected' in table
    (missing,) = problems(text.replace("first = { dim = 4 }\n", ""))
    assert "decoder.first: is required" in missing


def test_an_objective_may_look_at_an_inner_part(text):
    check(parse_recipe(text.replace('"toy-loss" }', '"toy-loss", on = "decoder.first" }')))
    (said,) = problems(text.replace('"toy-loss" }', '"toy-loss", on = "decoder.frst" }'))
    assert 'did you mean "decoder.first"?' in said


def test_a_problem_inside_does_not_hide_the_part_from_objectives(text):
    wrong = text.replace("dim = 4", "dimm = 4")
    (said,) = problems(wrong.replace('"toy-loss" }', '"toy-loss", on = "decoder.first" }'))
    assert "dimm" in said


def test_inner_parts_are_built_trained_and_saved(text, toy_data, tmp_path):
    pipeline = build(parse_recipe(text), train=read_manifest(toy_data))
    assert pipeline.part("decoder.then") is pipeline.decoder.then
    assert pipeline.decoder.then.context.path == "decoder.then"
    assert pipeline.decoder.then.context.train is None
    assert pipeline.decoder.then.heard == ["a", "b", "c"]  # of the column it was told
    assert [*pipeline.select(["decoder.then"])] == [
        "decoder.then.head.weight", "decoder.then.head.bias",
    ]  # fmt: skip
    for path in ("decoder.last", "decoder.then.head", "streams"):
        with pytest.raises(UserError, match=f'no part "{path}"'):
            pipeline.part(path)
    pipeline.save(tmp_path / "saved")
    opened = Pipeline.from_pretrained(tmp_path / "saved")
    assert opened.decoder.then.heard == pipeline.decoder.then.heard
    for name, weight in pipeline.state_dict().items():
        assert torch.equal(weight, opened.state_dict()[name])
    assert sketch(check(parse_recipe(text)), read_manifest(toy_data)).unknown == {}


def test_an_inner_part_draws_its_weights_from_its_own_seed(text, toy_data):
    rows = read_manifest(toy_data)
    one, other = (
        build(parse_recipe(text.replace("dim = 4", f"dim = {dim}")), train=rows) for dim in (4, 5)
    )
    assert torch.equal(one.decoder.then.head.weight, other.decoder.then.head.weight)
    alike = build(parse_recipe(text.replace("dim = 7", "dim = 4")), train=rows).decoder
    assert not torch.equal(alike.first.head.weight, alike.then.head.weight)


def test_inner_parts_become_tables_again(text):
    config = check(parse_recipe(text)).nodes["decoder"].config
    table = unstructure(config)
    assert table == {
        "first": {"use": "toy-words"},  # 4 is the default
        "then": {"use": "toy-words", "dim": 7},
    }
    assert structure(table, type(config), "decoder", print) == config


def test_an_inner_part_may_be_given_as_it_is(toy):
    toy_parts = pytest.importorskip("toy_parts")

    @frozen
    class Holder:
        part: Inner = field(metadata={"part": "decoder"})

    inner = Inner(toy_parts.DECODER, toy_parts.Words(dim=3), "toy-words")
    assert structure({"part": inner}, Holder, "", print).part is inner
