"""Processors that are wrong are named for their fault."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from slp_core.errors import UserError
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Rate, Size, Symbol, TensorType
from slp_core.testing import Trial, faults

from .toys import assert_named


class Numbers(Processor):
    """Numbers between blanks, ten a second."""

    def read(self, clip: Clip) -> Signal:
        try:
            numbers = [float(word) for word in Path(clip.source).read_text().split()]
        except (OSError, ValueError) as error:
            raise SignalError(f"{clip.source}: {error}") from error
        begin, end = (None if at is None else round(at / 100) for at in (clip.start, clip.end))
        numbers = numbers[begin:end]
        if not numbers:
            raise SignalError(f"{clip.source}: no numbers")
        return Signal(np.array(numbers, np.float32)[:, None], 10.0)


def numbered(config: Any, signal: str) -> TensorType:
    return TensorType("b t d", {"d": Size(1)}, modality="numbers")


def open_width(config: Any, signal: str) -> TensorType:
    return TensorType("b t d", {"d": Symbol("d")}, modality="numbers")


def twelve(folder: Path) -> Trial:
    (folder / "a.txt").write_text(" ".join(map(str, range(12))))
    return Trial(source=str(folder / "a.txt"))


@pytest.fixture
def numbers(spec: Any) -> Any:
    """``numbers(cls)``: the spec of a processor that reads twelve numbers."""

    def make(cls: Any, signature: Any = numbered) -> ComponentSpec:
        return spec(cls, signature, "processor", trial=twelve)

    return make


class Known(Numbers):
    def sizes(self) -> dict[str, int]:
        return {"d": 1}


def test_honest_ones_conform(numbers: Any) -> None:
    assert faults(numbers(Numbers)) == []
    assert faults(numbers(Known, open_width)) == []


class Careless(Numbers):
    def read(self, clip: Clip) -> Signal:
        numbers = Path(clip.source).read_text().split()
        return Signal(np.array([float(one) for one in numbers])[:, None], math.inf)


class Complains(Numbers):
    def read(self, clip: Clip) -> Signal:
        try:
            return super().read(clip)
        except SignalError as error:
            raise UserError(str(error)) from None


class Flat(Numbers):
    def read(self, clip: Clip) -> Signal:
        signal = super().read(clip)
        return evolve(signal, values=signal.values[:, 0])


class Wide(Numbers):
    def read(self, clip: Clip) -> Signal:
        signal = super().read(clip)
        return evolve(signal, values=np.repeat(signal.values, 2, 1))


class NotFinite(Numbers):
    def read(self, clip: Clip) -> Signal:
        signal = super().read(clip)
        return evolve(signal, values=signal.values + np.float32(np.inf))


class Backwards(Numbers):
    def read(self, clip: Clip) -> Signal:
        return evolve(super().read(clip), rate=-10.0)


class Gambles(Numbers):
    def read(self, clip: Clip) -> Signal:
        signal = super().read(clip)
        return evolve(signal, values=signal.values * np.float32(random.random()))


class Guesses(Numbers):
    def probe(self, clip: Clip) -> int:
        return len(self.read(clip).values) + 1


class NamesOthers(Numbers):
    def files(self, clip: Clip) -> list[Path]:
        return [Path(clip.source).with_suffix(".not-there")]


class Whole(Numbers):
    def read(self, clip: Clip) -> Signal:
        return super().read(Clip(clip.source))


class AugmentsUnseeded(Numbers):
    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        return evolve(signal, values=signal.values * np.float32(random.random()))


class AugmentsToMore(Numbers):
    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        return evolve(signal, values=np.repeat(signal.values, 2, 1))


class Forgets(Numbers):
    def read(self, clip: Clip) -> Signal:
        signal = super().read(clip)
        return signal if self.context.train else evolve(signal, values=signal.values + 1)


class NoProcessor:
    def __init__(self, config: Any, context: Any) -> None: ...


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (Careless, "refusal: read: a file that is not there raises FileNotFoundError"),
        (Careless, "refusal: read: an empty file is taken"),
        (Careless, "dtype: its signature says float32, float64 is read"),
        (Complains, "refusal: read: an empty file raises a UserError"),
        (Flat, "shape: its signature says b t d=1 (rate of the clip), values of 12 are read"),
        (Wide, "shape: its signature says b t d=1 (rate of the clip), values of 12 x 2 are read"),
        (NotFinite, "reading: values that are not finite"),
        (Backwards, "rate: is -10; steps a second are expected"),
        (Gambles, "state: the same clip read twice differs"),
        (Guesses, "probe: says 13 steps, 12 are read"),
        (NamesOthers, "files: names a.not-there, which is not there"),
        (Whole, "span: half of a clip of 12 steps has 12"),
        (Whole, "refusal: read: a span behind the clip's end is taken"),
        (AugmentsUnseeded, "augment: one seed gives two variants"),
        (AugmentsToMore, "augment: makes float32 of (2,) of float32 of (1,)"),
        (Forgets, "saving: saved and opened again, it reads other values"),
        (NoProcessor, "factory: makes a NoProcessor; derive it from slp_core.Processor"),
    ],
)
def test_a_wrong_one_is_named_for_its_fault(numbers: Any, wrong: Any, fault: str) -> None:
    assert_named(numbers(wrong), fault)


def test_its_signature_is_held_against_it(numbers: Any) -> None:
    def other_clock(config: Any, signal: str) -> TensorType:
        return evolve(numbered(config, signal), rate=Rate(5, of=""))

    assert_named(numbers(Numbers, None), "signature: there is none")
    assert_named(numbers(Numbers, other_clock), "rate: its signature says 5 Hz, 10 is read")
    assert_named(numbers(Numbers, open_width), 'shape: its signature leaves d open; return {"d"')
