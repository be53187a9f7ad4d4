"""What every part that is a network promises, whatever goes in and comes out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from attrs import evolve, frozen
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import Part
from slp_core.sequence import Sequence
from slp_core.spec import ComponentSpec
from slp_core.testing.findings import Findings, NotTried
from slp_core.testing.trial import Trial

#: Of each sample, by name: tensors of its valid steps alone, numbers and texts.
Outcome = list[dict[str, Any]]

TOLERANCE = 1e-4  #: times the largest value


@frozen
class Feed:
    """Which samples make a batch, and what stands in its padding: each sample's last step again,
    or NaN where values can be, after ``extra`` steps more."""

    samples: tuple[int, ...]
    draw: int = 0  #: other numbers for the same lengths
    extra: int = 0
    filling: Literal["last", "nan"] = "last"
    device: str = "cpu"
    dtype: torch.dtype = torch.float32


class Subject(ABC):
    """A part that is tried: how it is built and run."""

    #: whether a sample's result is its own; a contrastive loss is of the whole batch
    alone = True

    def __init__(
        self, spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings
    ) -> None:
        self.spec, self.config, self.trial = spec, config, trial
        self.folder, self.found = folder, found
        self.context = Context(path=spec.kind)

    @property
    def everyone(self) -> Feed:
        return Feed(tuple(range(len(self.trial.lengths))))

    def build(self, seed: int = 0, assets: Path | None = None) -> Any:
        """The part, its weights drawn from the seed; opened again where there are ``assets``."""
        torch.manual_seed(seed)
        train = None if assets else self.context.train
        part = self.spec.load()(self.config, evolve(self.context, train=train, assets=assets))
        if not isinstance(part, Part):
            return part
        part.context = evolve(part.context, train=None)
        if self.spec.fits and assets is None:
            part.fit(self.fitted())
        return part.eval()

    def copy(self, part: Any) -> Any:
        """The same part again, as it was built."""
        try:
            return copy.deepcopy(part)
        except TypeError:  # it holds something that cannot be copied
            return self.build()

    def fitted(self) -> Iterable[Sequence]:
        """The batches that a part is fitted to which can be fitted in closed form."""
        raise NotTried(f"no {self.spec.kind} is fitted in closed form by the kit")

    @abstractmethod
    def run(self, part: Any, feed: Feed) -> Outcome:
        """What the part makes of a batch, sample by sample."""

    def told(self, part: Any, feed: Feed) -> Outcome:
        """The same, without gradient."""
        with torch.no_grad():
            return self.run(part, feed)


def examine_module(subject: Subject, part: Any) -> None:
    """Every check that is the same for all networks, on a part that was built and runs."""
    checks = {
        "padding": padding, "state": state, "saving": saving, "seed": seed, "gradient": gradient,
        "device": device, "precision": precision,
    }  # fmt: skip
    for name, check in checks.items():
        if name in subject.trial.skip:
            subject.found.not_tried(f"{name}: {subject.trial.skip[name]}")
            continue
        with subject.found.trying(name), one_thread():
            check(subject, part)


@contextmanager
def one_thread() -> Iterator[None]:
    """Tensors are so small that threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def padding(subject: Subject, part: Any) -> None:
    """A sample gives the same alone, in a batch and with more padding; NaN there is not seen."""
    every = subject.everyone
    short = subject.told(part, every)
    longer = subject.told(part, evolve(every, extra=6))
    unseen = subject.told(part, evolve(every, extra=6, filling="nan"))
    cure = "it looks at steps where the mask is False; leave them out (`inputs.mask`)"
    if subject.alone:
        alone = [subject.told(part, evolve(every, samples=(n,)))[0] for n in every.samples]
        if gap := difference(alone, short):
            subject.found.fault("padding", f"alone and in a padded batch, {gap}; {cure}")
    if gap := difference(short, longer):
        subject.found.fault("padding", f"with six steps of padding more, {gap}; {cure}")
    elif gap := difference(short, unseen):
        subject.found.fault(
            "padding",
            f"with NaN in the padding, {gap}; multiplying by the mask keeps NaN: use "
            "`masked_fill`, or read the valid steps alone (`inputs.steps`)",
        )


def state(subject: Subject, part: Any) -> None:
    """In evaluation nothing is kept from one batch to the next."""
    every = subject.everyone
    before = {name: value.clone() for name, value in part.state_dict().items()}
    first = subject.told(part, every)
    subject.told(part, evolve(every, draw=1))
    again = subject.told(part, every)
    if gap := difference(first, again, 1e-6):
        subject.found.fault(
            "state",
            f"the same batch twice, with another in between: {gap}; keep nothing between calls, "
            "and draw nothing in evaluation",
        )
    for name, value in part.state_dict().items():
        if not torch.equal(value.nan_to_num(), before[name].nan_to_num()):
            subject.found.fault(
                "state",
                f'running it in evaluation changes "{name}"; write buffers in training alone '
                "(`self.training`)",
            )


def saving(subject: Subject, part: Any) -> None:
    """Opened again from its weights and assets alone, it gives the same."""
    part = subject.copy(part)
    _shake(part)
    assets = subject.folder / "assets"
    assets.mkdir(exist_ok=True)
    part.save_assets(assets)
    away = subject.folder / "away"
    home = (subject.folder / "trial").rename(away)  # what it was made of is not there any more
    try:
        opened = subject.build(seed=1, assets=assets)
        opened.load_state_dict({name: one.clone() for name, one in part.state_dict().items()})
        expected = subject.told(part, subject.everyone)
        if gap := difference(expected, subject.told(opened, subject.everyone)):
            subject.found.fault(
                "saving",
                f"saved and opened again, {gap}; what it knows lives in parameters and buffers "
                "(`register_buffer`), or in files of `save_assets`",
            )
    except RuntimeError as error:
        if "state_dict" not in str(error):
            raise
        subject.found.fault("saving", f"its weights do not load strictly: {error}")
    finally:
        home.rename(subject.folder / "trial")


def seed(subject: Subject, part: Any) -> None:
    """One seed gives one set of weights, one result, and one draw of dropout."""
    one, other = subject.copy(part), subject.build()
    ours, theirs = one.state_dict(), other.state_dict()
    cure = "draw with torch, after torch.manual_seed: no numpy, no random, no generator of your own"
    if differing := [name for name in ours if not _same(ours[name], theirs[name])]:
        subject.found.fault(
            "seed", f'built twice with one seed, "{differing[0]}" differs in {len(differing)} of '
            f"{len(ours)} weights; {cure}",
        )  # fmt: skip
        return
    if gap := difference(
        subject.told(one, subject.everyone), subject.told(other, subject.everyone)
    ):
        subject.found.fault("seed", f"built twice with one seed, {gap}; {cure}")
        return
    drawn = []
    for made in (one, other):
        made.train()
        torch.manual_seed(2)
        drawn.append(subject.told(made, subject.everyone))
    if gap := difference(drawn[0], drawn[1]):
        subject.found.fault("seed", f"trained twice with one seed, {gap}; {cure}")


def gradient(subject: Subject, part: Any) -> None:
    """In training, with NaN in the padding, the gradient of every weight is finite."""
    learner = subject.copy(part).train()
    torch.manual_seed(2)
    feed = evolve(subject.everyone, extra=6, filling="nan")
    values = [one for sample in subject.run(learner, feed) for one in _floats(sample)]
    total = sum((one.float().square().sum() for one in values), torch.zeros(()))
    if not total.isfinite():
        subject.found.fault(
            "gradient",
            "in training, with NaN in the padding, what comes out is not finite; leave "
            "out the steps where the mask is False (`inputs.mask`)",
        )
        return
    if not total.requires_grad:
        return
    total.backward()
    for name, weight in learner.named_parameters():
        if weight.grad is not None and not weight.grad.isfinite().all():
            subject.found.fault(
                "gradient", f'with NaN in the padding, the gradient of "{name}" is not finite; '
                "replace the padding before it is computed with",
            )  # fmt: skip
            return


def device(subject: Subject, part: Any) -> None:
    """It moves whole, and runs where it was moved to."""
    cure = "register it (`register_buffer`), or make it where it is needed, on the inputs' device"
    for name in _strays(part, subject.spec.factory.partition(".")[0].partition(":")[0]):
        subject.found.fault(
            "device", f'the tensor "{name}" is neither parameter nor buffer and stays behind when '
            f"the part is moved; {cure}",
        )  # fmt: skip
        return
    moved = subject.copy(part).to("meta")
    try:
        subject.told(moved, evolve(subject.everyone, device="meta"))
    # NotImplementedError: torch's own, of an operator that the meta device does not have
    except (RuntimeError, NotImplementedError, UserError) as error:
        if "is not on the expected device" in str(error) or "on the same device" in str(error):
            subject.found.fault("device", f"moved to another device, it fails: {error}; {cure}")
        # else it looked at numbers, which there are none of on the meta device
    if not torch.cuda.is_available():
        raise NotTried("no GPU is here; moved to the meta device alone")
    here = subject.told(part, subject.everyone)
    there = subject.told(subject.copy(part).to("cuda"), evolve(subject.everyone, device="cuda"))
    if gap := difference(here, there, 1e-2):
        subject.found.fault("device", f"on the CPU and on a GPU, {gap}")


def precision(subject: Subject, part: Any) -> None:
    """It runs in float64 and bfloat16, and under autocast, as in mixed precision training."""
    if not any(one.is_floating_point() for one in part.state_dict().values()):
        return
    here = subject.told(part, subject.everyone)
    for dtype in (torch.float64, torch.bfloat16):
        with subject.found.trying("precision"):
            told = subject.told(subject.copy(part).to(dtype), evolve(subject.everyone, dtype=dtype))
            if gap := difference(here, told, 1e-3 if dtype == torch.float64 else None):
                subject.found.fault(
                    "precision", f"in {dtype} and in float32, {gap}; a tensor of fixed dtype?"
                )
    with torch.autocast("cpu", torch.bfloat16):
        told = subject.told(part, subject.everyone)
    if gap := difference(here, told, None):
        subject.found.fault("precision", f"under autocast and without, {gap}")


def difference(ours: Outcome, theirs: Outcome, tolerance: float | None = TOLERANCE) -> str:
    """How two outcomes differ, in words; "" if they do not. Without a tolerance, only in shape and
    in what is not finite."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for name in one:
            if said := _gap(one[name], other[name], tolerance):
                return f"sample {number} has another `{name}`: {said}"
    return ""


def _gap(one: Any, other: Any, tolerance: float | None) -> str:
    if not isinstance(one, Tensor):
        same = one == other or (one != one and other != other) or tolerance is None
        return "" if same else f"{one!r} and {other!r}"
    if one.shape != other.shape:
        return f"{_shape(one)} and {_shape(other)}"
    one, other = one.cpu().double(), other.cpu().double()
    if worse := int((one.isfinite() & ~other.isfinite()).sum()):
        return f"{worse} of {one.numel()} numbers are not finite"
    if tolerance is None or not one.numel():
        return ""
    one, other = one.nan_to_num(), other.nan_to_num()
    gap, most = (one - other).abs().max().item(), one.abs().max().item()
    return "" if gap <= tolerance * max(most, 1) else f"they differ by up to {gap:.3g}"


def _shape(one: Tensor) -> str:
    return " x ".join(map(str, one.shape)) or "a number"


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _floats(sample: Mapping[str, Any]) -> list[Tensor]:
    return [one for one in sample.values() if isinstance(one, Tensor) and one.is_floating_point()]


@torch.no_grad()
def _shake(part: nn.Module) -> None:
    """Other weights than it was built with."""
    torch.manual_seed(3)
    for weight in part.parameters():
        if weight.is_floating_point():
            weight.mul_(1 + 0.1 * torch.randn_like(weight)).add_(0.01 * torch.randn_like(weight))


def _strays(part: nn.Module, package: str) -> Iterator[str]:
    """Tensors among the plain attributes of the package's own modules, in lists and tables too.
    What other libraries keep so, they move themselves."""
    moved = {id(one) for one in (*part.parameters(), *part.buffers())}
    for path, module in part.named_modules():
        if type(module).__module__.partition(".")[0] != package:
            continue
        for name, value in vars(module).items():
            if any(one.ndim and id(one) not in moved for one in _tensors(value)):
                yield f"{path}.{name}".lstrip(".")


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from (one for inner in value.values() for one in _tensors(inner))
    elif isinstance(value, list | tuple | set):
        yield from (one for inner in value for one in _tensors(inner))


def as_part(made: Any, kind: type, found: Findings) -> bool:
    """Whether a factory made what its kind says."""
    if isinstance(made, kind):
        return True
    name = kind.__name__
    found.fault(
        "factory", f"makes a {type(made).__name__}, no {name}; derive it from slp_core.{name}"
    )
    return False
