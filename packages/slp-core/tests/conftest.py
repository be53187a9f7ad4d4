"""Toy plugins, installed as anybody's would be: a distribution on sys.path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slp_core import hooks, registry

TOY = """
from attrs import field, frozen, validators
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT, Size, Symbol, TensorType

@frozen
class Reader:
    width: int = field(default=3, validator=validators.gt(0))

def read(config, signal):
    return TensorType("b t d", {"d": Size(config.width, "width")}, modality="toy")

@frozen
class Width:
    dim: int | None = None

def encode(config, inputs):
    return inputs.expect("b t d", modality="toy").to(modality=None)

def map_(config, inputs):
    inputs.expect("b t d", dtype="float32")
    dim = Symbol("d") if config.dim is None else Size(config.dim, "dim")
    return inputs.to(d=dim, rate=inputs.rate / 2)

@frozen
class Joined:
    pass

def join(config, inputs):
    first, *rest = inputs.values()
    for other in rest:
        other.expect(first.axes, d=first["d"])
    return first

@frozen
class Words:
    dim: int = 4

def speak(config, inputs):
    inputs.expect("b t d", d=Size(config.dim, "dim"))
    return TEXT

@frozen
class Nothing:
    pass

READER = ComponentSpec("processor", Reader, "toy_model:Numbers", read)
ENCODER = ComponentSpec("encoder", Width, "toy_model:Same", encode, summary="hands on")
MAPPER = ComponentSpec("mapper", Width, "toy_model:Linear", map_)
FUSION = ComponentSpec("fusion", Joined, "toy_model:Mean", join)
DECODER = ComponentSpec("decoder", Words, "toy_model:Words", speak)
OBJECTIVE = ComponentSpec("objective", Nothing, "toy_model:Loss")
METRIC = ComponentSpec("metric", Nothing, "toy_model:Score")
ANNOTATOR = ComponentSpec("annotator", Width, "toy_model:Count")
OLD = ComponentSpec("mapper", Nothing, "toy_model:Linear", map_, api=0)
"""

TOY_MODEL = '''
from pathlib import Path
import numpy as np
import torch
from slp_core.parts import Decoder, Encoder, Fusion, Mapper, Objective, Translation
from slp_core.signals import Processor, Signal, SignalError

class Numbers(Processor):
    """A text file: one number a step."""
    def read(self, clip):
        try:
            steps = [float(word) for word in Path(clip.source).read_text().split()]
        except (OSError, ValueError) as error:
            raise SignalError(f"cannot be read: {error}") from error
        if not steps:
            raise SignalError("has no steps")
        values = np.tile(np.array(steps, np.float32)[:, None], (1, self.config.width))
        return Signal(values, 10.0)
    def augment(self, signal, rng):
        return Signal(signal.values + rng.normal(size=signal.values.shape).astype("f"), signal.rate)

class Same(Encoder):
    def forward(self, inputs):
        return inputs

class Linear(Mapper):
    def __init__(self, config, context):
        super().__init__(config, context)
        self.linear = torch.nn.Linear(context.inputs.known("d"), context.output.known("d"))
    def forward(self, inputs):
        return inputs.with_values(self.linear(inputs.values))

class Mean(Fusion):
    def forward(self, streams):
        return next(iter(streams.values()))

class Words(Decoder):
    """Says how many steps it saw."""
    def __init__(self, config, context):
        super().__init__(config, context)
        self.head = torch.nn.Linear(config.dim, 5)
        if context.train is not None:
            self.heard = sorted(set(context.train.column(context.target)))
        else:
            self.heard = (context.assets / "heard.txt").read_text().split()
    def save_assets(self, folder):
        (folder / "heard.txt").write_text(" ".join(self.heard))
    def subparts(self):
        return {"head": self.head.parameters()}
    def encode(self, row, target):
        return {} if target is None else {"labels": [len(target)]}
    def forward(self, inputs, tokens):
        return self.head(inputs.values)
    def generate(self, inputs, tokens, **options):
        return [Translation(f"{n} steps", 1.0) for n in inputs.lengths.tolist()]

class Loss(Objective):
    def count(self, batch):
        return len(batch)
    def forward(self, pipeline, trace, batch):
        return trace.last.values.square().sum()

class Score: ...
class Count: ...
'''

ENTRY_POINTS = """
[slp.processor]
toy = toy_parts:READER
[slp.encoder]
toy = toy_parts:ENCODER
[slp.mapper]
toy-linear = toy_parts:MAPPER
[slp.fusion]
toy-join = toy_parts:FUSION
[slp.decoder]
toy-words = toy_parts:DECODER
[slp.objective]
toy-loss = toy_parts:OBJECTIVE
[slp.metric]
toy-score = toy_parts:METRIC
[slp.annotator]
toy-count = toy_parts:ANNOTATOR
"""

RECIPE = """\
[recipe]
name = "toy"

[data]
train = "train.tsv"

[streams.hands]
signal = "toy"
encoder = { use = "toy" }
mapper = { use = "toy-linear" }

[decoder]
use = "toy-words"

[[stages]]
name = "only"
train = ["streams.*.mapper", "decoder"]
objectives = [{ use = "toy-loss" }]
epochs = 1
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("name", entry_points, module=source)`` puts a distribution on sys.path."""
    site = tmp_path / "site"
    made: list[str] = []

    def put(name: str, entry_points: str, **modules: str) -> None:
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
            made.append(module)
        registry.entries.cache_clear()
        hooks.hooks.cache_clear()

    monkeypatch.syspath_prepend(site)
    yield put
    for module in made:
        sys.modules.pop(module, None)
    registry.entries.cache_clear()
    hooks.hooks.cache_clear()


@pytest.fixture
def toy(install: Install) -> Install:
    """The toy parts of every kind, installed."""
    install("toy-parts", ENTRY_POINTS, toy_parts=TOY, toy_model=TOY_MODEL)
    return install


@pytest.fixture
def recipe_text() -> str:
    return RECIPE


@pytest.fixture
def toy_data(tmp_path: Path) -> Path:
    """Three clips and their manifest."""
    for name, steps in (("a", "1 2 3"), ("b", "4 5"), ("c", "6")):
        (tmp_path / f"{name}.txt").write_text(steps)
    lines = ["id\ttoy\ttext", "a\ta.txt\teins", "b\tb.txt\tzwei", "c\tc.txt\tdrei"]
    file = tmp_path / "train.tsv"
    file.write_text("\n".join(lines) + "\n")
    return file
