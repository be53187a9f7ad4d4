"""A regression between parts that give no steps is refused before anything is built."""

from __future__ import annotations

import pytest

from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.recipe_file import parse_recipe

RECIPE = """
[recipe]
name = "taught"
[data]
train = "train.tsv"
[streams.sign]
signal = "features.i3d"
processor = {{ use = "features", width = 8 }}
encoder = "features"
mapper = {{ use = "linear", dim = 4 }}
[streams.teacher]
signal = "features.other"
processor = {{ use = "features", width = 4 }}
encoder = "features"
mapper = {{ use = "linear", dim = 4 }}
[fusion]
use = "concat"
streams = ["sign"]
[decoder]
use = "seq2seq"
scratch = {{ dim = 4, heads = 1 }}
[[stages]]
name = "see"
train = ["streams.sign"]
objectives = [{{ use = "regression", {ends} }}]
steps = 1
"""


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ('on = "streams.sign.mapper", to = "streams.teacher.mapper"', []),
        (
            'on = "streams.sign.mapper", to = "streams.teacher.maper"',
            ['stages.0.objectives.0.to: "streams.teacher.maper" gives no steps; did you mean '
             '"streams.teacher.mapper"?'],
        ),
        ('to = "streams.teacher.mapper"', ['stages.0.objectives.0.on: "decoder" gives no steps']),
        (
            'on = "streams.sign.processor", to = "decoder"',
            ['stages.0.objectives.0.on: "streams.sign.processor" gives no steps',
             'stages.0.objectives.0.to: "decoder" gives no steps'],
        ),
    ],
)  # fmt: skip
def test_both_ends_of_a_regression_give_steps(ends: str, said: list[str]) -> None:
    problems = []
    try:
        check(parse_recipe(RECIPE.format(ends=ends)))
    except RecipeError as error:
        problems = [f"{one.key}: {one.message}" for one in error.problems]
    assert len(problems) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(problems, said, strict=True))
