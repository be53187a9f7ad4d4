"""Decoders that are wrong are named for their fault."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from slp_core.parts import Decoder, Translation
from slp_core.sequence import Sequence
from slp_core.tensortype import TEXT, Size, TensorType
from slp_core.testing import faults

from .toys import assert_named


class Words(Decoder):
    """Says how many steps it saw."""

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.head = nn.Linear(4, 9)

    def encode(self, row: Any, target: str | None) -> dict[str, list[int]]:
        return {} if target is None else {"labels": [len(word) % 9 for word in target.split()]}

    def forward(self, inputs: Sequence, tokens: dict[str, Any]) -> torch.Tensor:
        mean = inputs.with_steps(inputs.steps).values.sum(1) / inputs.lengths[:, None]
        (steps,) = {one.ids.shape[1] for one in tokens.values()}
        return self.head(mean)[:, None].expand(-1, steps, -1)

    def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> list[Translation]:
        return [Translation(f"{n} steps", 0.5) for n in inputs.lengths.tolist()]


def read_four(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", d=Size(4, "dim"))
    return TEXT


def read_any(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d")
    return TEXT


class OneMore(Words):
    """Logits of the end, too, which no label is held against."""

    def forward(self, inputs: Sequence, tokens: dict[str, Any]) -> torch.Tensor:
        logits = super().forward(inputs, tokens)
        return torch.cat([logits, logits[:, :1]], 1)


@pytest.mark.parametrize("honest", [Words, OneMore])
def test_honest_ones_conform(spec: Any, honest: Any) -> None:
    assert faults(spec(honest, read_four, "decoder")) == []


class SaysMore(Words):
    def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> list[Translation]:
        return [Translation(f"{inputs.mask.shape[1]} steps", 1.5) for _ in inputs.mask]


class SaysOnce(Words):
    def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> list[Translation]:
        return super().generate(inputs, tokens)[:1]


class SaysStrings(Words):
    def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> Any:
        return ["rain" for _ in inputs.mask]


class Unlabelled(Words):
    def encode(self, row: Any, target: str | None) -> dict[str, list[int]]:
        return {"ids": [1]}


class Flat(Words):
    def forward(self, inputs: Sequence, tokens: dict[str, Any]) -> torch.Tensor:
        return super().forward(inputs, tokens)[..., 0]


class FewTokens(Words):
    def encode(self, row: Any, target: str | None) -> dict[str, list[int]]:
        return {} if target is None else {"labels": [9]}


class NotFinite(Words):
    def forward(self, inputs: Sequence, tokens: dict[str, Any]) -> torch.Tensor:
        return super().forward(inputs, tokens) / 0


class FiveWide(Words):
    def sizes(self) -> dict[str, int]:
        return {"d": 5}


class KnowsAnotherAxis(Words):
    def sizes(self) -> dict[str, int]:
        return {"e": 4}


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (SaysMore, "generate: a confidence of 1.5; one in [0, 1] is expected"),
        (SaysMore, "padding: alone and in a padded batch, sample 1 has another `text`"),
        (SaysOnce, "generate: gives 1 of Translation; 3 Translations are expected"),
        (SaysStrings, "generate: gives 3 of str; 3 Translations are expected"),
        (Unlabelled, 'encode: gives ids of a text, no "labels"'),
        (Flat, "shape: logits of 3 x 5, 3 x 5 x vocabulary are expected"),
        (FewTokens, "shape: a label of 9, logits of 9 tokens"),
        (NotFinite, "shape: logits are not finite"),
        (FiveWide, "shape: sizes() says that it reads d = 5, its signature 4"),
        (KnowsAnotherAxis, 'shape: sizes() tells "e", which what it reads does not have'),
    ],
)
def test_a_wrong_one_is_named_for_its_fault(spec: Any, wrong: Any, fault: str) -> None:
    assert_named(spec(wrong, read_four, "decoder"), fault)


def test_it_ends_in_text_and_tells_its_width(spec: Any) -> None:
    more = spec(Words, lambda config, inputs: inputs, "decoder")
    assert_named(more, "signature: a decoder gives slp_core.tensortype.TEXT")
    open_ = spec(Words, read_any, "decoder")
    assert_named(open_, "shape: neither its signature nor sizes() tells the width that it reads")
