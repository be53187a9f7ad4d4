"""A cascade in a recipe: what is checked, what is read, and what comes out of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from slp_core.batch import collate
from slp_core.build import build
from slp_core.check import check
from slp_core.errors import RecipeError, UserError
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_train.run import train

RECIPE = """\
[recipe]
name = "cascade"

[data]
root = "{root}"
train = "train.tsv"
validation = "validation.tsv"

[streams.sign]
signal = "features.tiny"
processor = {{ use = "features", width = 8, rate = 25.0 }}
encoder = {{ use = "features" }}

[decoder]
use = "cascade"
first = {{ target = "gloss", beams = 2 }}
noise = {{ drop = 0.1, substitute = 0.1, insert = 0.05 }}
lower = true

[decoder.then]
use = "causal-lm"
scratch = {{ dim = 16, layers = 1, heads = 2, ffn = 16 }}
lora = {{ rank = 2, targets = ["q_proj"] }}
generation = {{ num_beams = 1, max_new_tokens = 5 }}
prompt = "{{signs}}"

[[stages]]
name = "language"
train = ["decoder.then"]
objectives = [{{ use = "cross-entropy" }}]
steps = 3
batch_samples = 2
trainer = {{ report_to = "none" }}
"""
ROWS = [("WIND WEST", "wind aus west"), ("SONNE", "die sonne scheint"), ("REGEN NACHT", "regen")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Manifests of features that are not there."""
    lines = ["\t".join(["id", "features.tiny", "gloss", "text"])]
    lines += ["\t".join([str(n), f"{n}.npy", *row]) for n, row in enumerate(ROWS)]
    for split in ("train", "validation"):
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def make_features(data: Path) -> None:
    for number in range(len(ROWS)):
        np.save(
            data / f"{number}.npy", np.random.default_rng(number).normal(size=(6, 8)).astype("f")
        )


def problems(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check(parse_recipe(text))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('on = "decoder.then"', 'on: "decoder.then" was written, but cross-entropy is of the text'),
        ('on = "streams.sign.encoder"', 'on: "streams.sign.encoder" was written'),
        ('target = "gloss"', 'target: "gloss" was written, but the decoder learns `text`; leave'),
    ],
)
def test_cross_entropy_is_of_the_text_that_the_decoder_says(written: str, said: str) -> None:
    text = RECIPE.format(root=".").replace('"cross-entropy"', f'"cross-entropy", {written}')
    (problem,) = problems(text)
    assert said in problem and "stages.0.objectives.0" in problem


def test_wrong_keys_inside_are_told_with_their_place() -> None:
    text = RECIPE.format(root=".")
    wrong = (
        text.replace("beams = 2", 'beems = 2, units = "syllable"')
        .replace('targets = ["q_proj"]', 'targets = "q_proj"')
        .replace("drop = 0.1", "drop = 2.0")
    )
    said = problems(wrong)
    assert [one.split(": ")[1] for one in said] == [
        "decoder.first.beems", "decoder.first.units", "decoder.noise.drop",
        "decoder.then.lora.targets",
    ]  # fmt: skip
    assert 'did you mean "beams"?' in said[0]
    assert said[3].startswith("recipe.toml:23:")
    (said_of_use,) = problems(text.replace('"causal-lm"', '"causal-lmm"'))
    assert 'decoder.then.use: no decoder "causal-lmm"; did you mean "causal-lm"?' in said_of_use
    (column,) = problems(text.replace('target = "gloss", ', ""))
    assert "decoder: first: `target` is missing" in column


def test_quantised_layers_inside_are_not_trained() -> None:
    text = RECIPE.format(root=".").replace(
        "scratch = { dim = 16, layers = 1, heads = 2, ffn = 16 }", 'model = "m"\nquantize = "4bit"'
    )
    (said,) = problems(text)
    assert '"decoder.then" names the layers of decoder.then' in said
    assert 'name "decoder.then.lora" instead' in said
    check(parse_recipe(text.replace('train = ["decoder.then"]', 'train = ["decoder.then.lora"]')))


def test_the_language_model_is_trained_where_no_sign_is(data: Path) -> None:
    run = data / "run"
    result = train(parse_recipe(RECIPE.format(root=data)), run)
    assert result is not None and result.evaluation is None
    log = [json.loads(line) for line in (run / "language" / "log.jsonl").read_text().splitlines()]
    assert any("eval_loss" in entry for entry in log)
    opened = Pipeline.from_pretrained(run)
    fresh = build(parse_recipe(RECIPE.format(root=data)), train=read_manifest(data / "train.tsv"))
    moved = {
        name.split(".")[1]
        for name, weight in opened.state_dict().items()
        if not torch.equal(weight, fresh.state_dict()[name])
    }
    assert moved == {"then"}
    assert "wind" in opened.decoder.then.tokenizer.get_vocab()
    make_features(data)
    rows = read_manifest(data / "train.tsv")
    said = opened.generate(collate([opened.sample(row) for row in rows]))
    assert all(set(one.transcripts) == {"decoder.first"} for one in said)


def test_select_by_a_metric_reads_the_signs_it_translates(data: Path) -> None:
    text = RECIPE.format(root=data).replace("steps = 3", 'steps = 3\nselect = "bleu"')
    with pytest.raises(UserError, match="3 rows of the validation split cannot be used"):
        train(parse_recipe(text), data / "run")
    make_features(data)
    result = train(parse_recipe(text), data / "run")
    assert result is not None


def test_a_stage_of_signs_follows_one_of_text(data: Path) -> None:
    make_features(data)
    text = (
        RECIPE.format(root=data)
        + """
[[stages]]
name = "fuse"
train = ["decoder.first"]
objectives = [{ use = "ctc", on = "decoder.first" }]
steps = 2
batch_samples = 2
trainer = { report_to = "none" }
"""
    )
    train(parse_recipe(text), data / "run")
    language, fused = (
        Pipeline.from_pretrained(data / "run" / name) for name in ("language", "fuse")
    )
    moved = {
        name.split(".")[1]
        for name, weight in fused.state_dict().items()
        if not torch.equal(weight, language.state_dict()[name])
    }
    assert moved == {"first"}
