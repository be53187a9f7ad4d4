"""Encoders, tokenizers, mappers and fusions: honest ones pass, wrong ones are named for their
fault."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from attrs import evolve
from torch import nn

from slp_core.errors import UserError
from slp_core.parts import Encoder, Fusion, Tokenizer
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import Size, Symbol, TensorType
from slp_core.testing import Trial, assert_conforms, faults

from .toys import WIDTH, Honest, assert_named, same


def test_an_honest_part_conforms(spec: Any) -> None:
    assert_conforms(spec(Honest))


class IgnoresMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values - inputs.values.mean(1, keepdim=True))


class SeesTheBatch(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_steps(inputs.steps - inputs.steps.mean(0))


class MultipliesByMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        values = inputs.values * inputs.mask[..., None]
        mean = values.sum(1, keepdim=True) / inputs.lengths[:, None, None]
        return inputs.with_values(inputs.values - mean)


class Wider(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        values = super().forward(inputs).values
        return inputs.with_values(torch.cat([values, values[..., :1]], -1))


class Double(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(super().forward(inputs).values.double())


class GivesATensor(Honest):
    def forward(self, inputs: Sequence) -> Any:
        return super().forward(inputs).values


class Halves(Honest):
    """Every second step, and says nothing of it."""

    def forward(self, inputs: Sequence) -> Sequence:
        values = inputs.values[:, ::2]
        mask = lengths_to_mask((inputs.lengths + 1) // 2, values.shape[1])
        return Sequence(values, mask, inputs.rate)


class Slower(Halves):
    """Says it of the sequence, not in its signature."""

    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(super().forward(inputs), rate=inputs.rate / 2)


class OneRate(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(super().forward(inputs), rate=inputs.rate[:1])


class Remembers(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.last = 0.0

    def forward(self, inputs: Sequence) -> Sequence:
        before, self.last = self.last, float(inputs.steps[0, 0])
        return inputs.with_values(inputs.values + before)


class Counts(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs: Sequence) -> Sequence:
        self.seen += 1
        return super().forward(inputs)


class Gambles(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        nn.init.constant_(self.linear.weight, random.random())


class GamblesAside(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.scale = random.random()

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values * self.scale)


class DropsUnseeded(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        kept = 1.0
        if self.training:
            kept = torch.from_numpy(np.random.default_rng().random(WIDTH).astype(np.float32))
        return inputs.with_values(inputs.values * kept)


class LeavesBehind(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.window = torch.hann_window(WIDTH)

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values * self.window)


class MakesOnCpu(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values + torch.arange(float(WIDTH)))


class Unsaved(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.columns = [torch.randn(WIDTH)]

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values * self.columns[0])


class NotStrict(Honest):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        if context.assets is not None:
            self.more = nn.Linear(2, 2)


class Float32(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_steps(self.linear(inputs.steps.float()))


class Cancels(Honest):
    """What is left of a number beside a much larger one."""

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values + 1e7 - 1e7)


class Overflows(Honest):
    """By a thousandth that bfloat16 does not have beside 1."""

    def forward(self, inputs: Sequence) -> Sequence:
        steps = self.linear(inputs.steps)
        return inputs.with_steps(steps / ((0 * steps + 1) + 1e-3 - 1))


class NanGradient(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(self.linear(inputs.values))


class NanInTraining(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        steps = self.linear(inputs.steps)
        return inputs.with_steps(steps + inputs.values.sum() if self.training else steps)


class HalfMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(super().forward(inputs), mask=inputs.mask.flip(1))


class MaskOfFloats(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(super().forward(inputs), mask=inputs.mask.float())


class Refuses(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        raise UserError("not this one")


class KnowsAnotherAxis(Honest):
    def sizes(self) -> dict[str, int]:
        return {"e": 3}


class Encodes(Encoder):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs


class BareModule(nn.Module):
    def __init__(self, config: Any, context: Any) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (IgnoresMask, "padding: it looks at steps where the mask is False"),
        (SeesTheBatch, "padding: alone and in a padded batch, sample 0 has another `values`"),
        (MultipliesByMask, "padding: multiplying by the mask keeps NaN"),
        (
            Wider,
            "shape: its signature says b t d=12 (rate of the clip), values of 3 x 48 x 13 come",
        ),
        (Double, "dtype: its signature says float32, torch.float64 comes out"),
        (GivesATensor, "shape: gives a Tensor, a Sequence is expected"),
        (Halves, "rate: gives 10 steps more than one of 27; at the rate it tells (25 Hz"),
        (Slower, "rate: its signature says 25 Hz, 12.5 Hz comes out"),
        (OneRate, "rate: is of shape (1,), one a sample is expected"),
        (Remembers, "state: the same batch twice, with another in between: sample 0"),
        (Counts, 'state: running it in evaluation changes "seen"'),
        (Gambles, 'seed: built twice with one seed, "linear.weight" differs in 1 of 3'),
        (GamblesAside, "seed: built twice with one seed, sample 0 has another `values`"),
        (DropsUnseeded, "seed: trained twice with one seed, sample 0 has another `values`"),
        (LeavesBehind, 'device: the tensor "window" is neither parameter nor buffer'),
        (MakesOnCpu, "device: moved to another device, it fails"),
        (Unsaved, "saving: saved and opened again, sample 0 has another `values`"),
        (NotStrict, "saving: its weights do not load strictly"),
        (Float32, "precision: raises RuntimeError (test_networks.py:"),
        (Cancels, "precision: in torch.float64 and in float32, sample 0 has another `values`"),
        (Overflows, "precision: in torch.bfloat16 and in float32, sample 0 has another `values`"),
        (Overflows, "precision: under autocast and without, sample 0 has another `values`"),
        (NanGradient, 'gradient: the gradient of "linear.weight" is not finite'),
        (NanInTraining, "gradient: in training, with NaN in the padding, what comes out is not"),
        (HalfMask, "mask: valid steps do not come first"),
        (MaskOfFloats, "mask: is torch.float32 of 3 x 48, a bool for each of 3 x 48 steps"),
        (Refuses, "run: refuses what it should take: not this one"),
        (KnowsAnotherAxis, 'shape: sizes() tells "e", which its signature does not know'),
        (Encodes, "factory: makes a Encodes, no Mapper; derive it from slp_core.Mapper"),
        (BareModule, "factory: makes a BareModule, no Mapper; derive it from slp_core.Mapper"),
    ],
)
def test_a_wrong_part_is_named_for_its_fault(spec: Any, wrong: Any, fault: str) -> None:
    assert_named(spec(wrong), fault)


def test_the_assertion_tells_every_fault_and_who(spec: Any) -> None:
    class Two(Counts, IgnoresMask):
        pass

    with pytest.raises(AssertionError) as told:
        assert_conforms(spec(Two))
    assert "the mapper wrong_parts:Part does not conform:" in str(told.value)
    assert "state: " in str(told.value) and "padding: " in str(told.value)


def smells(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", modality="smell")
    return inputs


def test_a_signature_says_what_comes_out_of_what_fits(spec: Any) -> None:
    assert_named(spec(Honest, None), "signature: there is none; every mapper has one")
    nothing = spec(Honest, lambda config, inputs: None)
    assert_named(nothing, "signature: gives a NoneType, a TensorType is expected")
    assert_named(spec(Honest, smells), "signature: none of the usual types fits: ")
    inputs = TensorType("b t d", {"d": WIDTH}, modality="pose")
    posed = spec(Honest, smells, trial=lambda folder: Trial(inputs=inputs))
    assert_named(posed, "signature: what its trial gives fits: ")


def test_what_weights_tell_must_be_told(spec: Any) -> None:
    class Silent(Encodes):
        pass

    def open_width(config: Any, inputs: TensorType) -> TensorType:
        inputs.expect("b t d")
        return inputs.to(d=Symbol("d"), modality=None)

    made = spec(Silent, open_width, "encoder")
    assert_named(made, "shape: its signature leaves d open, and sizes() does not tell it")
    Silent.sizes = lambda self: {"d": 13}  # type: ignore[method-assign]
    assert_named(made, "shape: values of 3 x 48 x 12 come out")
    Silent.sizes = lambda self: {"d": 12}  # type: ignore[method-assign]
    assert faults(made) == []
    Silent.sizes = lambda self: {"d": 13}  # type: ignore[method-assign]
    assert_named(spec(Silent, same, "encoder"), "shape: sizes() says d = 13, its signature 12")


class Rounds(Tokenizer):
    """The code of a step is the place of its greatest number."""

    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(inputs, codes=inputs.values.nan_to_num().argmax(-1))


def coded(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", d=Size(WIDTH))
    return inputs.to(vocabulary=Size(WIDTH), modality=None)


def test_tokenizers(spec: Any) -> None:
    assert faults(spec(Rounds, coded, "tokenizer")) == []

    class Uncoded(Rounds):
        def forward(self, inputs: Sequence) -> Sequence:
            return inputs

    class FromOne(Rounds):
        def forward(self, inputs: Sequence) -> Sequence:
            return evolve(inputs, codes=inputs.values.nan_to_num().argmax(-1) + 1)

    said = "codes: its signature says a vocabulary of 12, no codes come out"
    assert_named(spec(Uncoded, coded, "tokenizer"), said)
    assert_named(spec(FromOne, coded, "tokenizer"), "codes: are torch.int64 from 1 to 12, int64")


class Adds(Fusion):
    def forward(self, streams: dict[str, Sequence]) -> Sequence:
        hands, lips = streams.values()
        return hands.with_values(hands.values + lips.values)


def test_fusions(spec: Any) -> None:
    def both(config: Any, inputs: dict[str, TensorType]) -> TensorType:
        return same(config, inputs["hands"])

    assert faults(spec(Adds, both, "fusion")) == []

    class Averages(Adds):
        def forward(self, streams: dict[str, Sequence]) -> Sequence:
            hands, lips = streams.values()
            return hands.with_values(hands.values + lips.values.mean(1, keepdim=True))

    assert_named(spec(Averages, both, "fusion"), "padding: alone and in a padded batch")
