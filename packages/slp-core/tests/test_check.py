"""Recipes held against installed parts."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import pytest

from slp_core import registry, spec
from slp_core.check import Plan, check, configured, matches
from slp_core.errors import RecipeError, UserError
from slp_core.recipe import Use
from slp_core.recipe_file import parse_recipe
from slp_core.tensortype import Size, TensorType, TypeMismatch, part_speaking


def plan(text: str) -> Plan:
    return check(parse_recipe(text))


def problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        plan(text)
    return [str(problem) for problem in caught.value.problems]


def test_sizes_flow_back_from_the_decoder(toy, recipe_text):
    found = plan(recipe_text).nodes
    assert list(found) == [
        "streams.hands.processor",
        "streams.hands.encoder",
        "streams.hands.mapper",
        "decoder",
    ]
    mapped = found["streams.hands.mapper"].output
    assert mapped.known("d") == 4
    assert str(mapped) == "b t d=4 (rate of the clip / 2)"


def test_every_problem_at_once_with_its_line_and_the_nearest_name(toy, recipe_text):
    text = recipe_text.replace('use = "toy-words"', 'use = "toy-word"\ndmi = 3')
    text = text.replace('{ use = "toy-linear" }', '{ use = "toy-linear", dimm = 3 }')
    text = text.replace("streams.*.mapper", "streams.*.maper")
    said = problems(text)
    assert len(said) == 3
    assert said[0].startswith("recipe.toml:10: streams.hands.mapper.dimm: there is no such key")
    assert 'did you mean "dim"?' in said[0]
    assert said[1].startswith("recipe.toml:13: decoder.use:") and '"toy-words"?' in said[1]
    assert said[2].startswith("recipe.toml:18: stages.0.train:")


def test_a_mismatch_names_both_parts_both_keys_and_both_numbers(toy, recipe_text):
    text = recipe_text.replace('{ use = "toy-linear" }', '{ use = "toy-linear", dim = 7 }')
    (said,) = problems(text)
    assert 'decoder "toy-words" does not fit: streams.hands.mapper (mapper "toy-linear")' in said
    assert "d = 7 (`streams.hands.mapper.dim`)" in said
    assert "d = 4 is needed (`decoder.dim`)" in said


def test_a_number_that_no_key_fixed_is_told_by_its_part_alone():
    with part_speaking("streams.pose.processor"):
        given = TensorType("b t d", {"d": Size(6, "points")})
    with part_speaking("streams.pose.encoder"), pytest.raises(TypeMismatch) as caught:
        given.expect("b t d", d=4)
    assert "d = 6 (`streams.pose.processor.points`), " in str(caught.value)
    assert str(caught.value).endswith("d = 4 is needed (`streams.pose.encoder`)")


def test_a_stage_may_be_meant_to_train_a_whole_stream(toy, recipe_text):
    (said,) = problems(recipe_text.replace("streams.*.mapper", "stream.hands"))
    assert '"stream.hands" names no part; did you mean "streams.hands"?' in said


def test_modality_is_checked(toy, recipe_text):
    text = recipe_text.replace("[decoder]", '[mapper]\nuse = "toy-linear"\n\n[decoder]')
    text = text.replace('encoder = { use = "toy" }', 'encoder = { use = "toy" }').replace(
        'mapper = { use = "toy-linear" }', 'tokenizer = { use = "toy" }'
    )
    assert any(
        '"toy" is no tokenizer; its kind is processor or encoder' in p for p in problems(text)
    )


def test_values_are_never_coerced(toy, recipe_text):
    for written in ('"4"', "4.0", "true"):
        text = recipe_text.replace('use = "toy-words"', f'use = "toy-words"\ndim = {written}')
        (said,) = problems(text)
        assert f"{written} was written, a whole number is expected" in said


def test_two_packages_with_one_name_are_told_apart_by_the_long_one(toy, recipe_text):
    toy("other-parts", "[slp.encoder]\ntoy = toy_parts:ENCODER\n")
    (said,) = problems(recipe_text)
    assert 'write "other-parts:toy" or "toy-parts:toy"' in said
    plan(recipe_text.replace('encoder = { use = "toy" }', 'encoder = { use = "other-parts:toy" }'))
    assert len([e for e in registry.of_kind("encoder") if e.name == "toy"]) == 2


def test_a_broken_plugin_breaks_only_its_user(toy, recipe_text):
    toy("broken-parts", "[slp.encoder]\nbroken = broken_parts:SPEC\n", broken_parts="1 / 0")
    plan(recipe_text)
    (said,) = problems(recipe_text.replace('encoder = { use = "toy" }', 'encoder = "broken"'))
    assert 'encoder "broken" of broken-parts 1.0 (broken_parts:SPEC)' in said
    assert "ZeroDivisionError" in said


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("toy_parts:OLD", "plugin API 0, this slp-core has 1; upgrade odd"),
        ("toy_parts:Width", "a ComponentSpec is expected"),
        ("toy_parts:ENCODER", "its spec says that its kind is encoder"),
        ("toy_parts:ABSENT", "AttributeError"),
        ("no_such_module:SPEC", "ModuleNotFoundError"),
    ],
)
def test_a_wrong_entry_point_is_named_with_its_cause(toy, value, reason):
    toy("odd", f"[slp.mapper]\nodd = {value}\n")
    with pytest.raises(UserError, match="odd 1.0") as caught:
        registry.find("mapper", "odd").load()
    assert reason in str(caught.value)


def test_a_part_that_names_no_api_is_written_for_the_first():
    source = inspect.getsource(spec).replace("API = 1", "API = 2")  # as it will be
    later = ModuleType("slp_core.spec")
    exec(source, vars(later))
    assert later.API == 2 and later.ComponentSpec("mapper", dict, "a:b").api == 1


def test_misspelt_hooks_are_reported(toy, recipe_text):
    source = "from slp_core.hooks import hookimpl\n@hookimpl\ndef slp_chekc(plan): pass\n"
    toy("hooked", "[slp.hooks]\nhooked = hooked_plugin\n", hooked_plugin=source)
    with pytest.raises(UserError, match='no hook slp_chekc; did you mean "slp_check"'):
        plan(recipe_text)


def test_a_plugin_adds_diagnostics(toy, recipe_text):
    source = (
        "from slp_core.hooks import hookimpl\nfrom slp_core.errors import Problem\n"
        "@hookimpl\ndef slp_check(plan): return [Problem('here', 'key', 'too slow')]\n"
    )
    toy("hooked", "[slp.hooks]\nhooked = hooked_plugin\n", hooked_plugin=source)
    assert problems(recipe_text) == ["here: key: too slow"]


def test_checking_imports_no_torch(toy, recipe_text, tmp_path):
    file = tmp_path / "toy.toml"
    file.write_text(recipe_text)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.modules['torch'] = None\n"
        "from slp_core.check import check\nfrom slp_core.recipe_file import load_recipe\n"
        f"check(load_recipe({str(file)!r}))\n"
        "assert not {'numpy', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_annotators_are_checked_like_any_part(toy, recipe_text):
    def annotate(text):
        return recipe_text.replace('train = "train.tsv"', f'train = "train.tsv"\nannotate = {text}')

    (node,) = plan(annotate('[{ use = "toy-count", dim = 2 }]')).annotators
    assert (node.path, node.kind, node.config.dim) == ("data.annotate.0", "annotator", 2)
    said = problems(annotate('["toy-cuont", { use = "toy-count", dmi = 2 }]'))
    assert said[0].startswith("recipe.toml:6: data.annotate.0: no annotator") and "count" in said[0]
    assert said[1].startswith("recipe.toml:6: data.annotate.1.dmi:") and '"dim"?' in said[1]


def test_a_part_by_itself_is_configured_or_refused_in_words(toy):
    entry, _, config = configured("annotator", Use("toy-count", {"dim": 3}))
    assert (entry.name, config.dim) == ("toy-count", 3)
    with pytest.raises(RecipeError, match='toy-count: dmi: there is no such key.*"dim"'):
        configured("annotator", Use("toy-count", {"dmi": 3}))


def test_patterns():
    assert matches("streams.*.mapper", "streams.hands.mapper")
    assert matches("streams.hands", "streams.hands.mapper.linear.weight")
    assert not matches("streams.*.mapper", "streams.hands.encoder")
    assert not matches("streams.hands.mapper.x", "streams.hands.mapper")


def test_a_stage_fits_only_what_can_be_fitted(toy, recipe_text):
    old = (
        'train = ["streams.*.mapper", "decoder"]\nobjectives = [{ use = "toy-loss" }]\nepochs = 1\n'
    )
    assert old in recipe_text
    (said,) = problems(recipe_text.replace(old, 'fit = ["streams.*.mapper"]\n'))
    assert said.startswith("recipe.toml:17: stages.0.fit: streams.hands.mapper: mapper")
    assert '"toy-linear" cannot be fitted in closed form' in said
