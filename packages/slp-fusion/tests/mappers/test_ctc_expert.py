"""Experts: the mappers they are made of, what they read, and their files."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.check import configured
from slp_core.context import Context
from slp_core.ctc import greedy
from slp_core.errors import RecipeError, UserError
from slp_core.manifest import Manifest, read_manifest, write_manifest
from slp_core.recipe import Use
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Symbol, TensorType
from slp_core.testing import assert_padding_changes_nothing
from slp_fusion.mappers.ctc_expert.model import CTCExpert
from slp_fusion.mappers.ctc_expert.spec import SPEC, CTCExpertConfig

WIDTH, DIM = 6, 8
INPUTS = TensorType("b t d", {"d": WIDTH})
KEYS: list[dict[str, Any]] = [
    {},
    {"window": 2, "stride": 2},
    {"network": "gru", "norm": "batch"},
    {"network": "conv", "stride": 3},
    {"network": "none"},
    {"network": "none", "stride": 2},
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    file = tmp_path_factory.mktemp("rows") / "train.tsv"
    write_manifest(file, ["gloss", "letters"], [["SUN fs-ANNA", "ANNA"], ["SUN", ""]])
    return read_manifest(file)


def built(rows: Manifest | None, **keys: Any) -> CTCExpert:
    torch.manual_seed(0)
    context = Context(path="streams.signing.mapper", inputs=INPUTS, train=rows)
    config = {"target": "letters", "units": "char", "dim": DIM, "beams": 3, **keys}
    return CTCExpert(CTCExpertConfig(**config), context).eval()


def batch(*lengths: int) -> Sequence:
    torch.manual_seed(1)
    return Sequence.pad([torch.randn(n, WIDTH) for n in lengths], [24.0] * len(lengths))


@pytest.mark.parametrize("keys", KEYS, ids=repr)
def test_an_expert_is_its_mappers_and_a_linear_layer(rows: Manifest, keys: dict[str, Any]) -> None:
    expert, inputs, stride = built(rows, **keys), batch(9, 4), keys.get("stride", 1)
    steps = expert(inputs)
    assert steps.lengths.tolist() == [math.ceil(9 / stride), math.ceil(4 / stride)]
    assert steps.rate.tolist() == [24 / stride] * 2
    assert [type(layer).__name__ for layer in expert.layers] == [
        *["CNNMapper"] * (stride > 1),
        {"transformer": "TransformerMapper", "gru": "GRUMapper", "conv": "CNNMapper"}.get(
            keys.get("network", "transformer"), "LinearMapper"
        ),
    ]
    expected = inputs
    for layer in expert.layers:
        expected = layer(expected)
    assert torch.allclose(steps.steps, expected.steps, atol=1e-6)
    logits = steps.values @ expert.head.weight.T + expert.head.bias
    found = expert.logits(steps)
    assert found.shape[2] == len(expert.units) == 4  # blank, unknown, A, N
    assert torch.allclose(found[steps.mask], logits[steps.mask], atol=1e-6)


@pytest.mark.parametrize("keys", KEYS, ids=repr)
def test_every_layer_learns(rows: Manifest, keys: dict[str, Any]) -> None:
    expert = built(rows, **keys).train()
    expert.logits(expert(batch(9, 4))).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in expert.parameters())
    (head,) = expert.subparts().values()
    assert {id(p) for p in head} == {id(p) for p in expert.head.parameters()}


@settings(max_examples=10)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), extra=st.integers(0, 9))
@pytest.mark.parametrize("keys", KEYS, ids=repr)
def test_padding_changes_nothing(
    rows: Manifest, keys: dict[str, Any], lengths: list[int], extra: int
) -> None:
    samples = [torch.randn(length, WIDTH) for length in lengths]
    assert_padding_changes_nothing(built(rows, **keys), samples, extra=extra)


@pytest.mark.parametrize("keys", KEYS, ids=repr)
def test_nothing_in_the_padding_is_seen(rows: Manifest, keys: dict[str, Any]) -> None:
    """Neither forward nor backward nor in the statistics of batch norm."""
    found = []
    for padding in (0.0, math.nan):
        expert, inputs = built(rows, dropout=0.0, **keys).train(), batch(9, 4)
        values = inputs.values.masked_fill(~inputs.mask[..., None], padding)
        steps = expert(inputs.with_values(values))
        dirty = steps.with_values(steps.values.masked_fill(~steps.mask[..., None], padding))
        expert.logits(dirty)[steps.mask].square().sum().backward()
        learnt = [p.grad.flatten() for p in expert.parameters()]
        found.append(torch.cat([*learnt, *(one.flatten() for one in expert.buffers())]))
    assert found[0].isfinite().all() and torch.allclose(*found, atol=1e-5)


def test_it_reads_its_column(rows: Manifest) -> None:
    expert = built(rows, beams=1)
    assert (expert.column, expert.beams, expert.units.known) == ("letters", 1, ("A", "N"))
    assert built(rows, target="gloss", units="word").units.known == ("SUN", "fs-ANNA")
    steps = expert(batch(9, 4))
    log_probs = expert.logits(steps).log_softmax(-1)
    said = [expert.units.decode(classes) for classes, _ in greedy(log_probs, steps.mask)]
    assert [one.text for one in expert.transcribe(steps)] == said


def test_it_is_opened_again_without_rows(rows: Manifest, tmp_path: Path) -> None:
    expert = built(rows)
    expert.save_assets(tmp_path)
    again = CTCExpert(expert.config, Context(inputs=INPUTS, assets=tmp_path)).eval()
    again.load_state_dict(expert.state_dict())
    assert again.units == expert.units
    assert again.transcribe(again(batch(9))) == expert.transcribe(expert(batch(9)))


def test_it_has_shapes_alone_on_the_meta_device(rows: Manifest) -> None:
    with torch.device("meta"):
        expert = built(rows)
    assert expert.head.weight.is_meta and expert.head.weight.shape == (4, DIM)


def test_signature() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(CTCExpertConfig(target="gloss", dim=DIM, stride=2), INPUTS)
    assert output.axes == "b t d" and output["d"] == DIM and output.rate == Rate(0.5)
    assert isinstance(SPEC.signature(CTCExpertConfig(target="gloss"), INPUTS)["d"], Symbol)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "target: is required"),
        ({"target": ""}, "target"),
        ({"target": "gloss", "window": 3, "network": "gru"}, "window has no effect"),
        ({"target": "gloss", "units": "letter"}, "units"),
        ({"target": "gloss", "beams": 0}, "beams"),
    ],
)
def test_what_is_written_wrongly_is_told(written: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        configured("mapper", Use("ctc-expert", written))


def test_what_it_lacks_is_told(rows: Manifest) -> None:
    with pytest.raises(
        UserError, match="streams.signing.mapper: the units of the column `letters`"
    ):
        built(None)
    with pytest.raises(UserError, match="`dim` is needed"):
        built(rows, dim=None)
