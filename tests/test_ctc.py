"""CTC across packages: an objective of one, on a decoder of another."""

from __future__ import annotations

import pytest

from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.recipe_file import parse_recipe

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
