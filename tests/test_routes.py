"""Experts, routed and gated as SignBind-LLM does it, in a recipe: what fits and what does not."""

from __future__ import annotations

import pytest

from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.recipe_file import parse_recipe

RECIPE = """
[recipe]
name = "routed"
[data]
train = "train.tsv"
[streams.frames]
signal = "features.dinov2"
processor = {{ use = "features", width = 8 }}
encoder = "features"
[streams.signing]
from = "frames"
mapper = {{ use = "gru", dim = 4 }}
[streams.fingerspelling]
from = "frames"
mapper = {{ use = "gru", dim = {width} }}
[streams.lips]
signal = "features.lips"
processor = {{ use = "features", width = 6 }}
encoder = "features"
mapper = {{ use = "linear", dim = 4 }}
[fusion]
{fusion}
[mapper]
use = "linear"
[decoder]
use = "seq2seq"
scratch = {{ dim = 4, heads = 1 }}
[[stages]]
name = "route"
train = ["fusion.router"]
objectives = [{{ use = "route", {objective} }}]
steps = 1
"""
STREAMS = 'streams = ["frames", "signing", "fingerspelling", "lips"]\n'
ROUTE = 'route = { on = "frames", between = ["signing", "fingerspelling"] }\n'
GATE = f'use = "adaptive-gate"\n{STREAMS}{ROUTE}gate = {{ with = "lips", per = "channel" }}\n'
ATTENTION = f'use = "cross-attention"\n{STREAMS}{ROUTE}to = "lips"\nheads = 2\n'
CONCAT = (
    'use = "concat"\nstreams = ["signing", "fingerspelling", "lips"]\n'
    'axis = "channel"\nresample = true\n'
)
ON = 'on = "fusion", target = "spans"'


def problems(fusion: str = GATE, objective: str = ON, width: int = 4) -> list[str]:
    try:
        check(parse_recipe(RECIPE.format(fusion=fusion, objective=objective, width=width)))
    except RecipeError as error:
        return [f"{one.key}: {one.message}" for one in error.problems]
    return []


@pytest.mark.parametrize("fusion", [GATE, ATTENTION])
def test_one_fusion_stands_in_for_another(fusion: str) -> None:
    assert problems(fusion) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": 'on = "mapper"'}, 'objectives.0.on: "mapper" has no `route` to learn'),
        ({"fusion": CONCAT}, 'objectives.0.on: "fusion" has no `route` to learn'),
        (
            {"objective": f'{ON}, kinds = {{ name = "fingerspeling" }}'},
            'kinds.name: "fingerspeling" is no route; did you mean "fingerspelling"?',
        ),
        (
            {"width": 5},
            'beside "signing", "fingerspelling" gives d = 5 (`streams.fingerspelling.mapper.dim`), '
            "d = 4 is needed (`streams.signing.mapper.dim`)",
        ),
        ({"fusion": GATE.replace('with = "lips"', 'with = "lip"')}, 'did you mean "lips"?'),
        ({"fusion": GATE.replace("with", "wth")}, 'there is no such key; did you mean "with"?'),
    ],
)
def test_what_does_not_fit_is_told(given: dict, said: str) -> None:
    found = problems(**given)
    assert any(said in problem for problem in found), found
