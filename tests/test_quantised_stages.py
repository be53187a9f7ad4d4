"""A recipe that would train quantised weights is refused before they are loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.recipe_file import parse_recipe

RECIPE = """
[recipe]
name = "quantised"

[data]
train = "train.tsv"

[streams.features]
signal = "features.i3d"
processor = { use = "features", width = 8, rate = 25.0 }
encoder = "features"
mapper = { use = "linear", dim = 16 }

[decoder]
use = "causal-lm"
model = "somebody/something"
quantize = "4bit"
lora = { targets = ["q_proj"] }

[[stages]]
name = "translate"
objectives = [{ use = "cross-entropy" }]
steps = 1
"""


def problems(*train: str, drop: str = "") -> list[str]:
    lines = [line for line in RECIPE.splitlines() if not drop or not line.startswith(drop)]
    try:
        check(parse_recipe("\n".join([*lines, f"train = {list(train)}"])))
    except RecipeError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("pattern", ["decoder", "decoder.layers", "decoder.*", "*"])
def test_layers_in_fewer_bits_are_not_trained(pattern):
    told, *more = problems("streams.*.mapper", pattern)
    assert told.startswith(f'recipe.toml:24: stages.0.train: "{pattern}" names the layers of dec')
    assert 'decoder.quantize = "4bit"' in told and 'name "decoder.lora" instead' in told
    assert not more


def test_without_an_update_one_is_asked_for():
    (told,) = problems("decoder", drop="lora")
    assert 'give decoder a `lora` and name "decoder.lora"' in told


@pytest.mark.parametrize(
    "train",
    [
        ["streams.*.mapper"],
        ["streams.*.mapper", "decoder.lora"],
        ["decoder.embeddings", "decoder.head"],
    ],
)
def test_what_has_all_its_bits_is_trained(train):
    assert problems(*train) == []


def test_a_decoder_with_all_its_bits_is_trained_whole():
    assert problems("decoder", drop="quantize") == []


def test_the_hook_imports_nothing_heavy():
    code = """
import sys, slp_llm.hooks
heavy = {"torch", "transformers", "tokenizers", "peft", "numpy", "bitsandbytes"}
sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
