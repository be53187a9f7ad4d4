"""Processors: from a file, or a text, to numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType, part_speaking
from slp_core.testing.findings import Findings
from slp_core.testing.trial import Trial, clock, manifest

if TYPE_CHECKING:
    import numpy as np

TEXT = "the sun shines"  #: read where the manifest's field is the signal itself


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a processor to its signature, to its sample, and to refusing what it cannot read."""
    if spec.signature is None:
        found.fault("signature", "there is none; a processor has one (config, signal) -> output")
        return
    with part_speaking("processor"):
        output = spec.signature(config, "text")
    context = Context(path="processor", signal="text", train=manifest(folder, trial.rows))
    made = spec.load()(config, context)
    if not isinstance(made, Processor):
        found.fault("factory", f"makes a {type(made).__name__}; derive it from slp_core.Processor")
        return
    source = trial.source or ("" if made.reads_files else TEXT)
    if made.reads_files:
        with found.trying("refusal"):
            _refusals(made, source, folder, found)
    if not source:
        found.not_tried(
            'reading: no file to read is told; give the spec a trial="package.trials:function" '
            "that writes one and returns Trial(source=...)"
        )
        return
    with found.trying("reading"):
        signal = made.read(Clip(source))
        _signal(made, signal, output, found)
        _again(made, signal, Clip(source), found)
        if made.reads_files:
            _spans(made, signal, source, found)
        with found.trying("augment"):
            _augment(made, signal, found)
    with found.trying("saving"):
        _saving(spec, config, context, made, source, folder, found)


def _signal(made: Processor, signal: Signal, output: TensorType, found: Findings) -> None:
    """Axes, sizes, dtype and rate are those of the signature, and every value is finite."""
    values, told = signal.values, made.sizes()
    axes = output.axes.split()
    for name in output.sizes:
        if isinstance(output[name], Symbol) and name not in told:
            found.fault(
                "shape", f'its signature leaves {name} open; return {{"{name}": ...}} in sizes()'
            )
    sizes = [output[axis] for axis in axes[2:]]
    known = [int(one) if isinstance(one, Size) else told.get(name, -1)
             for name, one in zip(axes[2:], sizes, strict=True)]  # fmt: skip
    given = list(values.shape)
    same = len(given) == len(axes) - 1
    if not same or any(k not in (-1, g) for k, g in zip(known, given[1:], strict=True)):
        found.fault(
            "shape",
            f"its signature says {output}, values of {' x '.join(map(str, given))} are read; the "
            "first axis is time, and there is no batch",
        )
    if str(values.dtype) != output.dtype:
        found.fault("dtype", f"its signature says {output.dtype}, {values.dtype} is read")
    if not _finite(values):
        found.fault("reading", "values that are not finite; raise SignalError")
    _rate(signal, output, found)


def _rate(signal: Signal, output: TensorType, found: Findings) -> None:
    if output.rate is None or not output.rate.of:
        expected, rate = clock(output.rate), signal.rate
        if math.isnan(rate) != math.isnan(expected) or abs(rate - expected) > 1e-3 * expected:
            found.fault("rate", f"its signature says {expected:g} Hz, {rate:g} is read")
    elif signal.rate <= 0:
        found.fault("rate", f"is {signal.rate:g}; steps a second are expected, or NaN")


def _again(made: Processor, signal: Signal, clip: Clip, found: Findings) -> None:
    if not _same(made.read(clip), signal):
        found.fault("state", "the same clip read twice differs; what is random lives in augment()")
    steps = made.probe(clip)
    if steps != len(signal.values):
        found.fault("probe", f"says {steps} steps, {len(signal.values)} are read")
    for file in made.files(clip):
        if not file.exists():
            found.fault("files", f"names {file.name}, which is not there")


def _spans(made: Processor, signal: Signal, source: str, found: Findings) -> None:
    """A span is a part of the clip; one that lies outside is refused."""
    if not signal.rate > 0:
        found.not_tried("spans: the clip has no clock")
        return
    length = 1000 * len(signal.values) / signal.rate  # milliseconds
    part = made.read(Clip(source, 0, length / 2))
    if not 0 < len(part.values) < len(signal.values):
        found.fault(
            "span",
            f"half of a clip of {len(signal.values)} steps has {len(part.values)}; read what lies "
            "between clip.start and clip.end",
        )
    _refused(made, Clip(source, 3 * length, 4 * length), "a span behind the clip's end", found)


def _refusals(made: Processor, source: str, folder: Path, found: Findings) -> None:
    """What is no signal is refused with a reason, and never with a traceback."""
    suffix = Path(source).suffix
    _refused(made, Clip(str(folder / f"absent{suffix}")), "a file that is not there", found)
    for what, content in _broken(Path(source) if source else None):
        file = folder / f"broken{suffix}"
        file.write_bytes(content)
        _refused(made, Clip(str(file)), what, found, half=what.startswith("half"))


def _broken(source: Path | None) -> Iterator[tuple[str, bytes]]:
    yield "an empty file", b""
    yield "random bytes", random.Random(0).randbytes(4000)
    if source is not None and source.is_file():
        whole = source.read_bytes()
        yield "half of a file", whole[: len(whole) // 2]


def _refused(made: Processor, clip: Clip, what: str, found: Findings, half: bool = False) -> None:
    """``half``: such a file may be read as far as it goes, but not end in a traceback."""
    for name, ask in (("read", made.read), ("probe", made.probe)):
        try:
            ask(clip)
        except SignalError:
            continue
        except UserError as error:
            found.fault("refusal", f"{name}: {what} raises a UserError ({error}), not SignalError")
        except Exception as error:
            found.fault(
                "refusal",
                f"{name}: {what} raises {type(error).__name__} ({error}); raise SignalError "
                "with the reason",
            )
        else:
            if not half:
                found.fault("refusal", f"{name}: {what} is taken; raise SignalError")


def _augment(made: Processor, signal: Signal, found: Findings) -> None:
    import numpy as np

    if not made.augments:
        return
    one, other = (made.augment(signal, np.random.default_rng(0)) for _ in range(2))
    if not _same(one, other):
        found.fault("augment", "one seed gives two variants; draw from the `rng` alone")
    if one.values.dtype != signal.values.dtype or one.values.shape[1:] != signal.values.shape[1:]:
        found.fault(
            "augment",
            f"makes {one.values.dtype} of {one.values.shape[1:]} of {signal.values.dtype} of "
            f"{signal.values.shape[1:]}",
        )


def _saving(
    spec: ComponentSpec, config: Any, context: Context, made: Processor, source: str,
    folder: Path, found: Findings,
) -> None:  # fmt: skip
    assets = folder / "assets"
    assets.mkdir()
    made.save_assets(assets)
    opened = spec.load()(config, evolve(context, train=None, assets=assets))
    if not _same(opened.read(Clip(source)), made.read(Clip(source))):
        found.fault("saving", "saved and opened again, it reads other values; see save_assets()")


def _same(one: Signal, other: Signal) -> bool:
    import numpy as np

    return np.array_equal(one.values, other.values) and (
        one.rate == other.rate or math.isnan(one.rate) == math.isnan(other.rate)
    )


def _finite(values: np.ndarray) -> bool:
    import numpy as np

    return bool(np.isfinite(values).all())
