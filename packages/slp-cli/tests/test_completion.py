"""What the shell completes, by click's own machinery."""

from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from slp_cli.main import cli

RECIPE = """
[recipe]
name = "one"
[streams.pose]
signal = "pose"
encoder = { use = "pose-transformer", dim = 8 }
[decoder]
use = "seq2seq"
[[stages]]
name = "only"
train = ["decoder"]
objectives = [{ use = "cross-entropy" }, "contrastive"]
"""


@pytest.fixture
def complete(monkeypatch, tmp_path):
    """``complete("plugins show", "cli")`` gives the words, in a folder with a recipe and a run."""
    monkeypatch.chdir(tmp_path)
    for file in ("recipes/one.toml", "recipes/tiny/two.toml", "runs/three/recipe.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(RECIPE)
    (tmp_path / "recipes/torn.toml").write_text("[")
    (tmp_path / "runs/no-run").mkdir()

    def call(line: str, incomplete: str = "") -> list[str]:
        shell = ShellComplete(cli, {}, "slp", "_SLP_COMPLETE")
        items = shell.get_completions(line.split(), incomplete)
        return [item.value if item.type == "plain" else item.type for item in items]

    return call


def test_commands(complete):
    assert complete("", "tra") == ["train", "translate"]
    assert {"list", "show", "check"} <= set(complete("plugins"))


def test_kinds(complete):
    assert complete("plugins --kind", "en") == ["encoder"]
    assert complete("plugins list --kind", "m") == ["mapper", "metric"]


def test_parts(complete):
    assert complete("plugins show", "dino") == ["dinov2"]
    assert complete("plugins show mapper", "c") == ["cnn", "cra", "ctc-expert"]
    assert complete("plugins show", "mapper:cn") == ["mapper:cnn"]
    assert complete("plugins show mapper", "slp-fusion:cn") == ["slp-fusion:cnn"]
    assert complete("annotate train.tsv --with", "let") == ["letters"]
    assert complete("data import", "how") == ["how2sign"]


@pytest.mark.parametrize(
    "line",
    [
        "train recipes/one.toml --set",
        "check recipes/one.toml recipes/torn.toml --set",
        "evaluate runs/three --set",
    ],
)
def test_settings_of_the_recipe(complete, line):
    assert complete(line, "decoder.lora.r") == ["decoder.lora.rank"]
    assert complete(line, "stages.0.objectives.0.l") == ["stages.0.objectives.0.label_smoothing"]
    assert complete(line, "stages.0.objectives.1.") == [], "it is a name, no table"
    assert complete(line, "streams.pose.encoder.h") == ["streams.pose.encoder.heads"]
    assert complete(line, "recipe.s") == ["recipe.schema", "recipe.seed"]
    assert complete(line, "decoder.u") == ["decoder.use"] and not complete(line, "mapper.")
    assert "fusion" in complete(line) and "stages.1.name" not in complete(line)


def test_settings_have_their_help(complete):
    shell = ShellComplete(cli, {}, "slp", "_SLP_COMPLETE")
    (seed,) = shell.get_completions(["train", "recipes/one.toml", "--set"], "recipe.se")
    assert seed.help == "of weights, of order and of what is drawn"


def test_settings_of_a_part(complete):
    assert complete("annotate a.tsv --with letters --set", "c") == ["column"]
    assert complete("data import how2sign --set", "so") == ["source"]
    assert complete("annotate a.tsv --set", "c") == [], "nobody is named"


@pytest.mark.parametrize("file", ["recipes/torn.toml", "absent.toml", ""])
def test_of_what_is_no_recipe_nothing_is_completed(complete, file):
    assert complete(f"train {file} --set", "d") == []


def test_recipes_and_runs(complete):
    assert complete("train", "recipes/o") == ["recipes/one.toml"]
    assert complete("train", "recipes/tiny") == ["recipes/tiny/two.toml"]
    assert complete("train", "elsewhere/") == ["file"], "the shell completes files"
    assert complete("translate") == ["runs/three"]
    assert complete("report", "elsewhere/") == ["dir"]
