"""Reading recipes: lines, extends, settings, twenty ways to write them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from slp_core.errors import Problem, RecipeError, UserError
from slp_core.recipe_file import load_recipe, parse_recipe
from slp_core.toml_lines import key_lines


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_lines_of_keys():
    text = """[a]
x = 1
"y.z" = { inner = 2 }
long = '''
fake = 3
'''
[[list]]
k = [
  { fake = 1 },
]
[[list]]
k = "# = ["
[[list.sub]]
deep.er = 1
"""
    assert key_lines(text) == {
        "a": 1,
        "a.x": 2,
        "a.y.z": 3,
        "a.long": 4,
        "list.0": 7,
        "list.0.k": 8,
        "list.1": 11,
        "list.1.k": 12,
        "list.1.sub.0": 13,
        "list.1.sub.0.deep.er": 14,
    }


def test_a_resolved_recipe_reads_back_the_same(recipe_text):
    recipe = parse_recipe(recipe_text)
    assert parse_recipe(recipe.to_toml()) == recipe


def test_extends_merges_tables_and_replaces_other_parts(tmp_path, recipe_text):
    write(tmp_path, "base.toml", recipe_text)
    child = write(
        tmp_path,
        "child.toml",
        'extends = "base.toml"\n[recipe]\nname = "child"\n[decoder]\nuse = "other"\nk = 1\n',
    )
    recipe = load_recipe(child)
    assert recipe.header.name == "child"
    assert recipe.decoder.name == "other" and recipe.decoder.options == {"k": 1}
    assert recipe.streams["hands"].signal == "toy"
    assert recipe.source.where("decoder.k") == f"{child}:6"
    assert recipe.source.where("streams.hands.signal") == f"{tmp_path / 'base.toml'}:8"


def test_a_problem_of_the_whole_has_no_key():
    assert str(Problem("letters", "rule", "is unknown")) == "letters: rule: is unknown"
    assert str(Problem("letters", "", "needs a rule")) == "letters: needs a rule"


def test_what_is_no_text_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder; a file is expected"):
        load_recipe(tmp_path)
    (tmp_path / "a.toml").touch()
    for name in ("a.toml/b.toml", "a" * 300):
        with pytest.raises(UserError, match=f"{name}: cannot be read: "):
            load_recipe(tmp_path / name)
    (tmp_path / "latin.toml").write_bytes(b'[recipe]\nname = "caf\xe9"\n')
    with pytest.raises(UserError, match="not UTF-8 at byte 20; save it as UTF-8"):
        load_recipe(tmp_path / "latin.toml")


def test_a_mark_in_front_is_no_part_of_a_recipe(tmp_path, recipe_text):
    """Some editors write one, which nobody sees."""
    (tmp_path / "a.toml").write_text(recipe_text, encoding="utf-8-sig", newline="\r\n")
    assert load_recipe(tmp_path / "a.toml") == load_recipe(write(tmp_path, "b.toml", recipe_text))


def test_extends_in_a_circle_is_refused(tmp_path, recipe_text):
    write(tmp_path, "a.toml", 'extends = "b.toml"\n' + recipe_text)
    write(tmp_path, "b.toml", 'extends = "a.toml"\n')
    with pytest.raises(RecipeError, match="extends itself"):
        load_recipe(tmp_path / "a.toml")


def test_settings_replace_values_and_are_named_in_errors(tmp_path, recipe_text):
    file = write(tmp_path, "a.toml", recipe_text)
    recipe = load_recipe(file, ["stages.0.epochs=3", "recipe.name=other", "decoder.dim=4"])
    assert recipe.stages[0].epochs == 3
    assert recipe.header.name == "other"
    assert recipe.decoder.options == {"dim": 4}
    with pytest.raises(RecipeError, match="^--set: stages.0.epochs: "):
        load_recipe(file, ["stages.0.epochs=[]"])
    with pytest.raises(RecipeError, match='"7" is no index of a list of 1'):
        load_recipe(file, ["stages.7.epochs=1"])
    for setting in ("stages", "", "=", "=1", ".stages=1", "stages..epochs=1", "decoder.=1"):
        with pytest.raises(RecipeError, match="is no key.path=value"):
            load_recipe(file, [setting])
    with pytest.raises(RecipeError, match='"²" is no index of a list of 1'):
        load_recipe(file, ["stages.².epochs=1"])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2", 2),
        ('"2"', "2"),
        ("[1, 2] # two", [1, 2]),
        ("a = b", "a = b"),
        ("1\nb = 2", "1\nb = 2"),
        ("", ""),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_setting_is_one_value_or_the_text_as_it_stands(tmp_path, recipe_text, written, value):
    """None of several lines is lost."""
    recipe = load_recipe(write(tmp_path, "a.toml", recipe_text), [f"decoder.key={written}"])
    assert recipe.decoder.options["key"] == value


WRONG = {
    "not toml": ("[recipe", "is not TOML"),
    "no toml on its line": ("[recipe]\nname = a\n", "recipe.toml:2: is not TOML"),
    "no name": ("[recipe]\n[streams]\n[decoder]\n", "recipe.name: is required (a string)"),
    "no streams": ('[recipe]\nname = "a"\n[decoder]\nuse = "x"\n', "[streams] is missing"),
    "empty streams": ('[recipe]\nname = "a"\n[streams]\n[decoder]\nuse = "x"\n', "at least one"),
    "unknown table": ("[recipes]\n", 'no such table; did you mean "recipe"'),
    "schema": ('[recipe]\nname = "a"\nschema = 2\n', "recipe.schema"),
    "use missing": ("[decoder]\nmodel = 1\n", 'decoder.use: names no part; write use = "..."'),
    "use number": ("[decoder]\nuse = 1\n", "decoder.use: names no part"),
    "stream no table": ("[streams]\na = 1\n", "streams.a: a table is expected"),
    "both": (
        '[streams.a]\nsignal = "x"\nfrom = "b"\nencoder = "e"\n',
        "streams.a: either `signal` (a manifest column) or `from`",
    ),
    "no encoder": ('[streams.a]\nsignal = "x"\n', "streams.a.encoder: a stream that reads"),
    "branch reads": ('[streams.a]\nfrom = "b"\nprocessor = "x"\n', "a branch has no processor"),
    "branch of nothing": ('[streams.a]\nfrom = "b"\n', 'there is no stream "b"'),
    "circle": ('[streams.a]\nfrom = "b"\n[streams.b]\nfrom = "a"\n', "branches off itself"),
    "no fusion": (
        '[streams.a]\nsignal = "x"\nencoder = "e"\n[streams.b]\nsignal = "x"\nencoder = "e"\n',
        "2 streams (a, b) need a [fusion]",
    ),
    "fusion of nothing": ('[fusion]\nuse = "c"\nstreams = ["z"]\n', 'there is no stream "z"'),
    "stage list": ("[stages]\n", "a list of tables is expected: write [[stages]]"),
    "train and fit": ('[[stages]]\nname = "s"\n', "either `train` or `fit` names parts"),
    "no objectives": (
        '[[stages]]\nname = "s"\ntrain = ["a"]\nsteps = 1\n',
        "`objectives` is empty",
    ),
    "no length": (
        '[[stages]]\nname = "s"\ntrain = ["a"]\nobjectives = ["o"]\n',
        "either `epochs` or `steps`",
    ),
    "negative": (
        '[[stages]]\nname = "s"\ntrain = ["a"]\nobjectives = ["o"]\nsteps = -1\n',
        "stages.0.steps: ",
    ),
    "twice": (
        '[[stages]]\nname = "s"\nfit = ["a"]\n[[stages]]\nname = "s"\nfit = ["a"]\n',
        '"s" is the name of an earlier stage too',
    ),
    "name of a place": ('[recipe]\nname = "../a"\n', "no slash, backslash or colon"),
    "hidden name": ('[recipe]\nname = ".."\n', "no dot in front"),
    "name of Windows": ("[recipe]\nname = 'a\\b'\n", "no slash, backslash or colon"),
    "name of a drive": ('[recipe]\nname = "c:a"\n', "no slash, backslash or colon"),
    "empty name": ('[recipe]\nname = ""\n', "recipe.name: "),
    "name of two lines": ('[recipe]\nname = "a\\nb"\n', "recipe.name: "),
    "negative seed": ('[recipe]\nname = "a"\nseed = -1\n', "recipe.seed: "),
    "seed": (f'[recipe]\nname = "a"\nseed = {2**32}\n', "recipe.seed: "),
    "stage of no name": ('[[stages]]\nname = ""\nfit = ["a"]\n', "stages.0.name: "),
    "stage elsewhere": ('[[stages]]\nname = "/a"\nfit = ["a"]\n', "a folder is called so"),
    "stage over a file": ('[[stages]]\nname = "recipe.toml"\nfit = ["a"]\n', "no dot, and not"),
    "stage over all": ('[[stages]]\nname = "pipeline"\nfit = ["a"]\n', 'not "pipeline"'),
    "endless": (
        '[[stages]]\nname = "s"\ntrain = ["a"]\nobjectives = ["o"]\nepochs = inf\n',
        "stages.0.epochs: inf was written, a finite number is expected",
    ),
    "data": ("[data]\ntrain = 1\n", "data.train: 1 was written, a string is expected"),
    "corpus": ('[data]\ncorpus = { name = "x" }\n', "data.corpus.use: names no part"),
    "annotate": ('[data]\nannotate = "letters"\n', "data.annotate: a list is expected"),
    "annotator": ("[data]\nannotate = [{}]\n", "data.annotate.0.use: names no part"),
    "annotated": (
        '[data]\nannotate = [{ use = "a", splits = ["dev"] }]\n',
        'data.annotate.0.splits.0: "dev" is none of its values',
    ),
    "target": ("[data]\ntarget = false\n", "data.target: false was written"),
    "metrics": (
        '[evaluation]\nmetrics = ["a", 1]\n',
        "evaluation.metrics.1: the name of a part is expected",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_recipe_is_refused_in_words(name):
    text, reason = WRONG[name]
    with pytest.raises(UserError) as caught:
        parse_recipe(text)
    assert reason in str(caught.value)


def test_wrong_parts_are_told_together_with_a_wrong_grammar():
    text = """
    [recipe]
    seeds = 1
    [data]
    corpus = "corpse"
    annotate = ["noter"]
    [streams.a]
    signal = "x"
    processor = "process"
    encoder = "encode"
    [decoder]
    use = "decode"
    [[stages]]
    objectives = ["object"]
    [evaluation]
    metrics = ["metre"]
    """
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    said = str(caught.value)
    assert "recipe.toml:3: recipe.seeds: there is no such key" in said
    for where, kind, name in (
        ("5: data.corpus", "corpus", "corpse"),
        ("6: data.annotate.0", "annotator", "noter"),
        ("9: streams.a.processor", "processor", "process"),
        ("10: streams.a.encoder", "encoder", "encode"),
        ("12: decoder", "decoder", "decode"),
        ("14: stages.0.objectives.0", "objective", "object"),
        ("16: evaluation.metrics.0", "metric", "metre"),
    ):
        assert f'recipe.toml:{where}.use: no {kind} "{name}"' in said


def test_no_file():
    with pytest.raises(UserError, match="no such recipe"):
        load_recipe(Path("absent.toml"))
