"""Encoders, tokenizers, mappers and fusions: from sequences to a sequence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Encoder, Fusion, Mapper, Tokenizer
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType, TypeMismatch, part_speaking, unify
from slp_core.testing.findings import Findings
from slp_core.testing.modules import Feed, Outcome, Subject, as_part, examine_module
from slp_core.testing.trial import SIDE, WIDTH, Trial, clock, manifest, usual_types

KINDS: dict[str, type] = {
    "encoder": Encoder, "tokenizer": Tokenizer, "mapper": Mapper, "fusion": Fusion
}  # fmt: skip
NEXT = 16  #: the width of what comes next, where a mapper leaves it open

Inputs = TensorType | dict[str, TensorType]


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a part between signal and decoder to its signature and to its kind."""
    signed = sign(spec, config, trial, found)
    if signed is None:
        return
    inputs, output = signed
    if not isinstance(output, TensorType):
        found.fault("signature", f"gives a {type(output).__name__}, a TensorType is expected")
        return
    if spec.kind in ("mapper", "fusion"):  # what comes next fixes what they leave open
        settle(output, NEXT)
    subject = Network(spec, config, trial, folder, found, inputs, output)
    with found.trying("build"):
        part = subject.build()
        if as_part(part, KINDS[spec.kind], found):
            _sizes(subject, part)
            with found.trying("run"):
                _output(subject, part)
                examine_module(subject, part)


def sign(
    spec: ComponentSpec, config: Any, trial: Trial, found: Findings
) -> tuple[Inputs, Any] | None:
    """What goes in and what the signature says of it; None where nothing fits."""
    if spec.signature is None:
        found.fault(
            "signature", f"there is none; every {spec.kind} has one (config, inputs) -> output"
        )
        return None
    reason = ""
    for inputs in _candidates(spec.kind, trial):
        try:
            with part_speaking(spec.kind):
                output = spec.signature(config, inputs)
        except UserError as error:
            reason = str(error)
            if not isinstance(error, TypeMismatch) and trial.inputs is not None:
                break
            continue
        for one in inputs.values() if isinstance(inputs, dict) else [inputs]:
            if spec.kind != "decoder":
                settle(one, WIDTH)
        return inputs, output
    said = "what its trial gives" if trial.inputs is not None else "none of the usual types"
    found.fault("signature", f"{said} fits: {reason}; say with Trial(inputs=...) what does")
    return None


def _candidates(kind: str, trial: Trial) -> list[Inputs]:
    if isinstance(trial.inputs, TensorType):
        return [trial.inputs]
    if trial.inputs is not None:
        return [dict(trial.inputs)]
    if kind == "fusion":
        return [{"hands": one, "lips": evolve(one)} for one in usual_types()]
    return list(usual_types())


def settle(type_: TensorType, width: int) -> None:
    """Fix the sizes that are still free."""
    for name in type_.sizes:
        if isinstance(free := type_[name], Symbol):
            unify(free, Size(3 if name == "c" else SIDE if name in ("h", "w") else width))


class Network(Subject):
    """A part from one or several sequences to one."""

    def __init__(
        self,
        spec: ComponentSpec,
        config: Any,
        trial: Trial,
        folder: Path,
        found: Findings,
        inputs: Inputs,
        output: TensorType,
    ) -> None:
        super().__init__(spec, config, trial, folder, found)
        self.output = output
        many = isinstance(inputs, dict)
        self.types = dict(inputs) if isinstance(inputs, dict) else {"": inputs}
        self.context = Context(
            path=spec.kind,
            signal="trial",
            inputs=None if many else self.types[""],
            streams=self.types if many else {},
            output=output,
            train=manifest(folder, trial.rows),
            target=trial.target,
        )

    def lengths(self, name: str) -> list[int]:
        """Steps of the samples of a stream: as long as those of the first, by their rates."""
        first = clock(next(iter(self.types.values())).rate)
        times = clock(self.types[name].rate) / first
        return [round(n * (1 if math.isnan(times) else times)) for n in self.trial.lengths]

    def batch(self, feed: Feed) -> Any:
        """The batch as the part takes it."""
        drawn = {
            name: drawn_batch(type_, self.lengths(name), feed, number)
            for number, (name, type_) in enumerate(self.types.items())
        }
        return drawn if self.spec.kind == "fusion" else drawn[""]

    def fitted(self) -> list[Sequence]:
        return [self.batch(self.everyone)]

    def run(self, part: Any, feed: Feed) -> Outcome:
        return by_sample(part(self.batch(feed)))


def drawn_batch(type_: TensorType, lengths: list[int], feed: Feed, salt: int = 0) -> Sequence:
    """Random steps of a tensor type, the same for the same feed."""
    steps = []
    for number in feed.samples:
        generator = torch.Generator().manual_seed(100 * feed.draw + 10 * number + salt)
        steps.append(_drawn(type_, lengths[number], generator))
    longest = max(map(len, steps)) + feed.extra
    mask = lengths_to_mask(torch.tensor([len(one) for one in steps]), longest)
    values = torch.stack([torch.cat([one, one[-1:].expand(longest - len(one), *one.shape[1:])])
                          for one in steps])  # fmt: skip
    codes = None
    if type_.dtype == "float32":
        if "vocabulary" in type_.sizes:
            codes = (1000 * values[..., 0]).long().abs() % type_.known("vocabulary")
        if feed.filling == "nan":
            values[~mask] = torch.nan
        values = values.to(feed.dtype)
    elif feed.filling == "nan" and type_.dtype == "uint8":
        values[~mask] = 255
    rate = torch.full((len(steps),), clock(type_.rate))
    return Sequence(values, mask, rate, codes).to(feed.device)


def _drawn(type_: TensorType, length: int, generator: torch.Generator) -> Tensor:
    shape = [length, *(type_.known(axis) for axis in type_.axes.split()[2:])]
    if type_.dtype == "uint8":
        return torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    if type_.dtype == "int64":
        return torch.randint(type_.known("vocabulary"), shape, generator=generator)
    return torch.randn(shape, generator=generator)


def by_sample(output: Sequence) -> Outcome:
    """The valid steps of each sample, its codes and its rate."""
    if output.mask.is_meta:
        return []
    samples: Outcome = []
    for values, mask, rate, number in zip(
        output.values, output.mask, output.rate, range(len(output.mask)), strict=True
    ):
        sample: dict[str, Any] = {"values": values[mask], "rate": float(rate)}
        if output.codes is not None:
            sample["codes"] = output.codes[number][mask]
        samples.append(sample)
    return samples


def _sizes(subject: Network, part: Any) -> None:
    """What only the weights can tell, the part tells; and it says what its signature says."""
    output, found = subject.output, subject.found
    for name, size in part.sizes().items():
        if name not in output.sizes:
            found.fault("shape", f'sizes() tells "{name}", which its signature does not know')
        elif not unify(output[name], Size(size)):
            found.fault(
                "shape", f"sizes() says {name} = {size}, its signature {output.known(name)}"
            )
    for name in output.sizes:
        if isinstance(output[name], Symbol):
            found.fault(
                "shape", f"its signature leaves {name} open, and sizes() does not tell it; return "
                f'{{"{name}": ...}}',
            )  # fmt: skip


def _output(subject: Network, part: Any) -> None:
    """Axes, sizes, dtype, mask and rate are those of the signature."""
    found, expected = subject.found, subject.output
    with torch.no_grad():
        output = part(subject.batch(subject.everyone))
    if not isinstance(output, Sequence):
        found.fault("shape", f"gives a {type(output).__name__}, a Sequence is expected")
        return
    axes = expected.axes.split()
    sizes = {name: expected[name] for name in axes[2:]}
    known = [int(one) if isinstance(one, Size) else -1 for one in sizes.values()]
    given = list(output.values.shape)
    if len(given) != len(axes) or any(
        k not in (-1, g) for k, g in zip(known, given[2:], strict=True)
    ):
        found.fault(
            "shape", f"its signature says {expected}, values of {' x '.join(map(str, given))} come "
            "out; mend the signature or the width that is built",
        )  # fmt: skip
    if str(output.values.dtype) != f"torch.{expected.dtype}":
        found.fault(
            "dtype", f"its signature says {expected.dtype}, {output.values.dtype} comes out"
        )
    _mask(output, found)
    _rate(subject, part, output)
    if "vocabulary" in expected.sizes and expected.dtype == "float32":
        _codes(output, expected, found)


def _mask(output: Sequence, found: Findings) -> None:
    mask = output.mask
    if mask.dtype != torch.bool or mask.shape != output.values.shape[:2]:
        found.fault(
            "mask", f"is {mask.dtype} of {' x '.join(map(str, mask.shape))}, a bool for each of "
            f"{' x '.join(map(str, output.values.shape[:2]))} steps is expected",
        )  # fmt: skip
    elif not torch.equal(mask, lengths_to_mask(output.lengths, mask.shape[1])):
        found.fault("mask", "valid steps do not come first")


def _codes(output: Sequence, expected: TensorType, found: Findings) -> None:
    size = expected.known("vocabulary")
    if output.codes is None:
        found.fault("codes", f"its signature says a vocabulary of {size}, no codes come out")
        return
    codes = output.codes[output.mask]
    if output.codes.dtype != torch.int64 or not ((codes >= 0) & (codes < size)).all():
        found.fault(
            "codes", f"are {output.codes.dtype} from {codes.min()} to {codes.max()}, int64 from 0 "
            f"to {size - 1} is expected",
        )  # fmt: skip


def _rate(subject: Network, part: Any, output: Sequence) -> None:
    """The rate that comes out is the signature's, and the steps are as many as it says."""
    expected, found = clock(subject.output.rate), subject.found
    if output.rate.shape != output.mask.shape[:1]:
        found.fault("rate", f"is of shape {tuple(output.rate.shape)}, one a sample is expected")
        return
    rate = output.rate[0].item()
    if math.isnan(rate) != math.isnan(expected) or abs(rate - expected) > 1e-3 * expected:
        found.fault(
            "rate", f"at 25 frames a second its signature says {_hz(expected)}, {_hz(rate)} comes "
            "out; divide both by the stride",
        )  # fmt: skip
        return
    first = next(iter(subject.types.values()))
    if math.isnan(rate) or first.rate is None:
        return
    field = getattr(part, "receptive_field", None)
    into = subject.lengths(next(iter(subject.types)))
    other, one = sorted(range(len(into)), key=into.__getitem__)[-2:]
    if field is not None and into[other] < field.window:
        found.not_tried(f"rate: two samples longer than its window of {field.window} steps")
        return
    more = into[one] - into[other]
    gained = (output.lengths[one] - output.lengths[other]).item()
    told = more * rate / clock(first.rate)
    if abs(gained - told) > 1:
        found.fault(
            "rate", f"a clip of {into[one]} steps gives {gained} steps more than one of "
            f"{into[other]}; at the rate it tells ({_hz(rate)} from {_hz(clock(first.rate))}) it "
            f"would be {told:.3g}; divide the rate by the stride, here and in the signature",
        )  # fmt: skip


def _hz(rate: float) -> str:
    return "no clock" if math.isnan(rate) else f"{rate:g} Hz"
