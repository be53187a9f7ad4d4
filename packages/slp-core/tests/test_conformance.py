"""The conformance kit: honest parts pass, and each wrong one is named for its fault."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from attrs import evolve, field, frozen, validators
from torch import nn

from slp_core.annotator import Annotator
from slp_core.parts import Decoder, Encoder, Mapper, Objective, Translation
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.signals import Processor, Signal, SignalError
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT, Size, Symbol, TensorType
from slp_core.testing import NotTried, Trial, assert_conforms, examine, faults

WIDTH = 12


@frozen
class Config:
    scale: float = field(
        default=1.0, validator=validators.gt(0), metadata={"help": "what steps are multiplied by"}
    )


def same(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", dtype="float32")
    return inputs.to(modality=None)


class Honest(Mapper):
    """Each step through a linear layer, beside the mean of the clip."""

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("shift", torch.ones(WIDTH))

    def forward(self, inputs: Sequence) -> Sequence:
        steps = inputs.with_steps(self.linear(inputs.steps) + self.shift)
        mean = steps.values.sum(1, keepdim=True) / inputs.lengths[:, None, None]
        return steps.with_steps((steps.values + mean)[inputs.mask])


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The spec of a class, as if it stood in a package of its own."""
    module = ModuleType("wrong_parts")
    vars(module).update({n: one for n, one in globals().items() if not n.startswith("__")})
    monkeypatch.setitem(sys.modules, "wrong_parts", module)

    def make(cls: Any, signature: Any = same, kind: str = "mapper", **keys: Any) -> ComponentSpec:
        cls.__module__ = "wrong_parts"
        module.Part = cls
        keys = {"config": Config, "factory": "wrong_parts:Part", **keys}
        if keys["config"].__module__ == __name__:
            keys["config"].__module__ = "wrong_parts"
        return ComponentSpec(kind=kind, signature=signature, **keys)  # type: ignore[arg-type]

    return make


def test_an_honest_part_conforms(spec: Any) -> None:
    assert_conforms(spec(Honest))


class IgnoresMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values - inputs.values.mean(1, keepdim=True))


class MultipliesByMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        values = inputs.values * inputs.mask[..., None]
        mean = values.sum(1, keepdim=True) / inputs.lengths[:, None, None]
        return inputs.with_values(inputs.values - mean)


class Wider(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        values = super().forward(inputs).values
        return inputs.with_values(torch.cat([values, values[..., :1]], -1))


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


class NanGradient(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(self.linear(inputs.values))


class HalfMask(Honest):
    def forward(self, inputs: Sequence) -> Sequence:
        return evolve(super().forward(inputs), mask=inputs.mask.flip(1))


class NoPart:
    def __init__(self, config: Any, context: Any) -> None:
        pass

    def eval(self) -> Any:
        return self

    context = None


@pytest.mark.parametrize(
    ("wrong", "name", "said"),
    [
        (IgnoresMask, "padding", "it looks at steps where the mask is False"),
        (MultipliesByMask, "padding", "multiplying by the mask keeps NaN"),
        (
            Wider,
            "shape",
            "its signature says b t d=12 (rate of the clip), values of 3 x 48 x 13 come",
        ),
        (Halves, "rate", "gives 10 steps more than one of 27; at the rate it tells (25 Hz"),
        (Slower, "rate", "its signature says 25 Hz, 12.5 Hz comes out"),
        (Remembers, "state", "the same batch twice, with another in between: sample 0"),
        (Counts, "state", 'running it in evaluation changes "seen"'),
        (Gambles, "seed", 'built twice with one seed, "linear.weight" differs in 1 of 3'),
        (DropsUnseeded, "seed", "trained twice with one seed, sample 0 has another `values`"),
        (LeavesBehind, "device", 'the tensor "window" is neither parameter nor buffer'),
        (MakesOnCpu, "device", "moved to another device, it fails"),
        (Unsaved, "saving", "saved and opened again, sample 0 has another `values`"),
        (NotStrict, "saving", "its weights do not load strictly"),
        (Float32, "precision", "raises RuntimeError (test_conformance.py:"),
        (NanGradient, "gradient", 'the gradient of "linear.weight" is not finite'),
        (HalfMask, "mask", "valid steps do not come first"),
    ],
)
def test_a_wrong_part_is_named_for_its_fault(spec: Any, wrong: Any, name: str, said: str) -> None:
    found = faults(spec(wrong))
    assert any(line.startswith(f"{name}: ") and said in line for line in found), found
    assert all("\n" not in line for line in found)


def test_the_assertion_tells_every_fault_and_who(spec: Any) -> None:
    class Two(Counts, IgnoresMask):
        pass

    with pytest.raises(AssertionError) as told:
        assert_conforms(spec(Two))
    assert "the mapper wrong_parts:Part does not conform:" in str(told.value)
    assert "state: " in str(told.value) and "padding: " in str(told.value)


def test_a_missing_package_is_named(spec: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "needy.py").write_text("import no_such_package_of_mine\nclass Part: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    (line,) = faults(spec(Honest, factory="needy:Part"))
    for words in ("needs: the mapper needy:Part", '"no_such_package_of_mine"', "No module named"):
        assert words in line
    (line,) = faults(spec(Honest, factory="needi:Part"))
    assert line == "factory: there is no module needi; the spec says needi:Part"
    (line,) = faults(spec(Honest, factory="wrong_parts:Pert"))
    assert line == "factory: wrong_parts has no Pert; the spec says wrong_parts:Pert"


def test_a_package_that_is_missed_only_when_it_is_built(spec: Any) -> None:
    class Late(Honest):
        def __init__(self, config: Any, context: Any) -> None:
            super().__init__(config, context)
            import no_such_package_of_mine  # noqa: F401

    assert any(line.startswith("needs: ") for line in faults(spec(Late)))


@frozen
class Table:
    depth: int = 1


@frozen
class Silent:
    size: int = 3
    table: Table | None = field(default=None, metadata={"help": "a table"})
    odd: Any = field(default=None, metadata={"help": "whatever"})


def test_keys_without_help_and_without_type(spec: Any) -> None:
    found = faults(spec(Honest, config=Silent))
    assert [line.partition(" has no help")[0] for line in found[:2]] == [
        'help: the key "size"',
        'help: the key "table.depth"',
    ]
    assert found[2] == 'config: the key "odd" takes anything; annotate its type'
    assert len(found) == 3


def stumble(instance: Any, attribute: Any, value: Any) -> None:
    raise KeyError("oops")


@frozen
class Strange:
    size: int = field(default=3, validator=stumble, metadata={"help": "a size"})


def test_what_is_wrong_with_keys_is_no_traceback(spec: Any) -> None:
    made = spec(Honest, config=Strange, trial="wrong_parts:trial")
    sys.modules["wrong_parts"].trial = lambda folder: Trial(config={"size": 4})  # type: ignore[attr-defined]
    assert "trial: raises KeyError (test_conformance.py:" in faults(made)[0]

    @frozen
    class Nowhere:
        size: NoSuchType = field(default=3, metadata={"help": "a size"})  # type: ignore[name-defined]  # noqa: F821

    assert "config: raises NameError" in faults(spec(Honest, config=Nowhere))[0]


def test_specs_stay_light(tmp_path: Path, monkeypatch: Any, spec: Any) -> None:
    (tmp_path / "heavy_spec.py").write_text(
        "from attrs import frozen\nimport torch\n@frozen\nclass Config: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import heavy_spec  # type: ignore[import-not-found]

    found = faults(spec(Honest, config=heavy_spec.Config))
    assert found[0].startswith("imports: heavy_spec, which holds the spec, imports torch")


def test_importing_the_kit_imports_no_torch() -> None:
    program = "import slp_core.testing, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


# -- keys, trials and what is open ---------------------------------------------------------------


@frozen
class Needs:
    dim: int = field(validator=validators.ge(1), metadata={"help": "width"})


def test_required_keys_need_a_trial_or_an_example(spec: Any) -> None:
    (line,) = faults(spec(Honest, config=Needs))
    assert line.startswith("trial: a recipe must write dim, and nothing says what")
    assert faults(spec(Honest, config=Needs, example={"dim": 3})) == []


def test_a_trial_says_how(spec: Any, tmp_path: Path) -> None:
    made = spec(Honest, config=Needs, trial="wrong_parts:trial")
    sys.modules["wrong_parts"].trial = lambda folder: Trial(config={"dim": 3}, lengths=(4, 2))  # type: ignore[attr-defined]
    assert faults(made, tmp_path) == []
    sys.modules["wrong_parts"].trial = lambda folder: Trial(config={"dim": 0})  # type: ignore[attr-defined]
    assert "trial: its own keys are refused: dim: " in faults(made)[0]

    def refuse(folder: Path) -> Trial:
        raise NotTried("the moon is not full")

    sys.modules["wrong_parts"].trial = refuse  # type: ignore[attr-defined]
    found = examine(made)
    assert found.faults == [] and found.untried == ["not tried: trial: the moon is not full"]


def test_what_weights_tell_must_be_told(spec: Any) -> None:
    class Silent(Encoder):
        def forward(self, inputs: Sequence) -> Sequence:
            return inputs

    def open_width(config: Any, inputs: TensorType) -> TensorType:
        inputs.expect("b t d")
        return inputs.to(d=Symbol("d"), modality=None)

    made = spec(Silent, open_width, "encoder")
    assert any("leaves d open, and sizes() does not tell it" in line for line in faults(made))
    Silent.sizes = lambda self: {"d": 13}  # type: ignore[method-assign]
    assert any("values of 3 x 48 x 12 come out" in line for line in faults(made))
    Silent.sizes = lambda self: {"d": 12}  # type: ignore[method-assign]
    assert faults(made) == []


# -- other kinds ---------------------------------------------------------------------------------


class Words(Decoder):
    """Says how many steps it saw."""

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self.head = nn.Linear(4, 9)

    def encode(self, row: Any, target: str | None) -> dict[str, list[int]]:
        return {} if target is None else {"labels": [len(word) % 9 for word in target.split()]}

    def forward(self, inputs: Sequence, tokens: dict[str, Any]) -> torch.Tensor:
        mean = inputs.with_steps(inputs.steps).values.sum(1) / inputs.lengths[:, None]
        return self.head(mean)[:, None].expand(-1, tokens["labels"].ids.shape[1], -1)

    def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> list[Translation]:
        return [Translation(f"{n} steps", 0.5) for n in inputs.lengths.tolist()]


def read_four(config: Any, inputs: TensorType) -> TensorType:
    inputs.expect("b t d", d=Size(4, "dim"))
    return TEXT


def test_decoders(spec: Any) -> None:
    assert faults(spec(Words, read_four, "decoder")) == []

    class Steps(Words):
        def generate(self, inputs: Sequence, tokens: Any, **options: Any) -> list[Translation]:
            return [Translation(f"{inputs.mask.shape[1]} steps", 1.5) for _ in inputs.mask]

    found = faults(spec(Steps, read_four, "decoder"))
    assert any("generate: a confidence of 1.5" in line for line in found)
    assert any(line.startswith("padding: ") and "another `text`" in line for line in found)


class Square(Objective):
    def count(self, batch: Any) -> int:
        return len(batch)

    def forward(self, pipeline: Any, trace: Any, batch: Any) -> torch.Tensor:
        return trace.last.steps.square().sum()


def test_objectives(spec: Any) -> None:
    assert faults(spec(Square, None, "objective")) == []

    class Everywhere(Square):
        def forward(self, pipeline: Any, trace: Any, batch: Any) -> torch.Tensor:
            return trace.last.values.square().mean()

    class Detached(Square):
        def forward(self, pipeline: Any, trace: Any, batch: Any) -> torch.Tensor:
            return super().forward(pipeline, trace, batch).detach()

    assert any(line.startswith("padding: ") for line in faults(spec(Everywhere, None, "objective")))
    found = faults(spec(Detached, None, "objective"))
    assert any(line.startswith("gradient: the loss has none") for line in found)


class Numbers(Processor):
    def read(self, clip: Any) -> Signal:
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


def test_processors(spec: Any) -> None:
    def trial(folder: Path) -> Trial:
        (folder / "a.txt").write_text(" ".join(map(str, range(12))))
        return Trial(source=str(folder / "a.txt"))

    def found(cls: Any) -> list[str]:
        made = spec(cls, numbered, "processor", trial="wrong_parts:trial")
        sys.modules["wrong_parts"].trial = trial  # type: ignore[attr-defined]
        return faults(made)

    assert found(Numbers) == []

    class Careless(Numbers):
        def read(self, clip: Any) -> Signal:
            numbers = Path(clip.source).read_text().split()
            return Signal(np.array([float(one) for one in numbers])[:, None], math.inf)

    said = found(Careless)
    for words in (
        "refusal: read: a file that is not there raises FileNotFoundError",
        "refusal: read: an empty file is taken",
        "dtype: its signature says float32, float64 is read",
    ):
        assert any(line.startswith(words) for line in said), said


class Shouts(Annotator):
    columns = ("loud",)

    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return ({"loud": row.get("text").upper()} for row in rows)


def test_annotators(spec: Any) -> None:
    assert faults(spec(Shouts, None, "annotator")) == []

    class Tabs(Shouts):
        def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
            return (
                {"loud": "a\tb", "more": ""} if n else {"loud": "\t"} for n, _ in enumerate(rows)
            )

    found = faults(spec(Tabs, None, "annotator"))
    assert any("row 0: loud is '\\t'" in line for line in found)
