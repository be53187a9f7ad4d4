"""CTC across packages: an objective of one, on a decoder of another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from slp_core.batch import collate
from slp_core.build import sketch
from slp_core.check import check
from slp_core.errors import RecipeError, UserError
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import parse_recipe
from slp_train.run import train

RECIPE = """
[recipe]
schema = 1
name = "letters"

[data]
train = "train.tsv"
target = "gloss"

[streams.pose]
signal = "pose"
encoder = {{ use = "pose" }}

[streams.spelling]
from = "pose"
mapper = {{ use = "ctc-expert", target = "letters", dim = 8 }}

[fusion]
use = "concat"
streams = ["spelling"]

[decoder]
{decoder}

[[stages]]
name = "read"
train = ["streams.spelling.mapper", "decoder"]
objectives = [{objective}]
epochs = 1
"""
CASCADE = 'use = "cascade"\nfirst = { target = "gloss" }\nthen = { use = "seq2seq", scratch = {} }'


@pytest.mark.parametrize(
    ("objective", "decoder"),
    [
        ('{ use = "ctc" }', 'use = "ctc"'),
        ('{ use = "ctc", target = "gloss" }', 'use = "ctc"'),
        ('{ use = "ctc", on = "streams.spelling.mapper" }', 'use = "ctc"'),
        ('{ use = "ctc", on = "streams.spelling.mapper", target = "letters" }', 'use = "ctc"'),
        ('{ use = "ctc", on = "decoder.first" }', CASCADE),
    ],
)
def test_recipes_that_check(objective: str, decoder: str) -> None:
    check(parse_recipe(RECIPE.format(objective=objective, decoder=decoder)))


@pytest.mark.parametrize(
    ("objective", "decoder", "said"),
    [
        (
            '{ use = "ctc" }',
            'use = "seq2seq"\nscratch = { dim = 8 }',
            '"decoder" reads no column by CTC (one of: streams.spelling.mapper); name',
        ),
        (
            '{ use = "ctc", on = "streams.pose.encoder" }',
            'use = "ctc"',
            '"streams.pose.encoder" reads no column by CTC',
        ),
        ('{ use = "ctc", on = "decoder.then" }', CASCADE, '"decoder.then" reads no column by CTC'),
        (
            '{ use = "ctc", on = "streams.spelling.mapper", target = "gloss" }',
            'use = "ctc"',
            '"gloss" was written, but streams.spelling.mapper reads `letters`; leave it out here',
        ),
        (
            '{ use = "ctc", target = "text" }',
            'use = "ctc"',
            '"text" was written, but decoder reads `gloss`',
        ),
    ],
)
def test_recipes_that_do_not_fit_are_told(objective: str, decoder: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check(parse_recipe(RECIPE.format(objective=objective, decoder=decoder)))
    (problem,) = caught.value.problems
    assert said in str(problem) and "stages.0.objectives.0" in str(problem)


SPELT = """
[recipe]
schema = 1
name = "spelt"

[data]
root = "{root}"
train = "train.tsv"
validation = "validation.tsv"
target = "word"

[streams.sign]
signal = "features.tiny"
processor = {{ use = "features", width = 6, rate = 25.0 }}
encoder = {{ use = "features" }}

[streams.vowels]
from = "sign"
mapper = {{ use = "ctc-expert", target = "vowels", units = "char", dim = 16, network = "none" }}

[streams.all]
from = "sign"
mapper = {{ use = "transformer", dim = 16, layers = 1, heads = 2, window = 2, dropout = 0.0 }}

[fusion]
use = "concat"
streams = ["all"]

[decoder]
use = "ctc"
units = "char"

[[stages]]
name = "read"
train = ["streams.*.mapper", "decoder"]
objectives = [{{ use = "ctc" }}, {{ use = "ctc", on = "streams.vowels.mapper" }}]
steps = 120
batch_samples = 8
trainer = {{ report_to = "none", learning_rate = 2e-2 }}
"""
LETTERS = "AEBCD"


@pytest.fixture
def spelt(tmp_path: Path) -> Path:
    """Words as features: each letter, and what is between two, is held for a few steps."""
    rng = np.random.default_rng(0)
    for split, samples in (("train", 40), ("validation", 8)):
        lines = ["id\tfeatures.tiny\tword\tvowels"]
        for number in range(samples):
            word = "".join(rng.choice([*LETTERS], rng.integers(1, 6)))
            shown = [one for letter in word for one in (letter, "-")]
            steps = np.concatenate(
                [np.tile(np.eye(6)[f"-{LETTERS}".index(o)], (rng.integers(2, 5), 1)) for o in shown]
            )
            steps += rng.normal(size=steps.shape, scale=0.1)
            np.save(tmp_path / f"{split}{number}.npy", steps.astype("f"))
            vowels = "".join(one for one in word if one in "AE")  # often none
            lines.append(f"{number}\t{split}{number}.npy\t{word}\t{vowels}")
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_run_learns_to_read(spelt: Path) -> None:
    run = spelt / "run"
    train(parse_recipe(SPELT.format(root=spelt)), run)
    log = [json.loads(line) for line in (run / "read" / "log.jsonl").read_text().splitlines()]
    last = [entry for entry in log if "ctc.error rate" in entry][-1]
    assert last["ctc.infeasible"] == last["ctc@streams.vowels.mapper.infeasible"] == 0
    assert last["ctc.error rate"] < 0.05
    opened = Pipeline.from_pretrained(run)
    rows = [*read_manifest(spelt / "validation.tsv")]
    batch = collate([opened.sample(row) for row in rows])
    for options in ({}, {"num_beams": 3}):
        said = opened.generate(batch, **options)
        assert [one.text for one in said] == [row.get("word") for row in rows]
        assert [one.transcripts for one in said] == [
            {"decoder": row.get("word"), "streams.vowels.mapper": row.get("vowels")} for row in rows
        ]
        assert all(0.5 < one.confidence <= 1 for one in said)


def test_an_empty_field_is_nothing_to_translate_into(spelt: Path) -> None:
    """An expert may read nothing of a row; a sentence that is empty is refused."""
    text = SPELT.format(root=spelt).replace('target = "word"', 'target = "vowels"')
    with pytest.raises(UserError, match="the target `vowels` is empty"):
        train(parse_recipe(text), spelt / "run")


def test_shapes_need_no_weights_but_the_column(spelt: Path) -> None:
    plan = check(parse_recipe(SPELT.format(root=spelt)))
    made = sketch(plan, read_manifest(spelt / "train.tsv"))
    assert not made.unknown
    assert made.pipeline.part("streams.vowels.mapper").head.weight.shape == (4, 16)
    unknown = sketch(plan).unknown
    assert {"decoder", "streams.vowels.mapper"} <= {*unknown}
    assert "learnt from the training rows" in str(unknown["decoder"])
