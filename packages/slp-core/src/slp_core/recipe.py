"""The recipe: a TOML file that names parts and says how they are trained. It runs no code.

:mod:`slp_core.recipe_file` reads it, :mod:`slp_core.recipe_tables` makes these classes of it and
:mod:`slp_core.check` holds it against the installed parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from attrs import field, frozen
from attrs.validators import ge, gt, in_, min_len, optional

SCHEMA = 1
Precision = Literal["float32", "bfloat16", "float16"]
Split = Literal["train", "validation", "test"]


@frozen
class Use:
    """A part, named: ``{ use = "linear", dim = 768 }``."""

    name: str
    options: dict[str, Any] = field(factory=dict)


@frozen
class Header:
    """``[recipe]``"""

    name: str = field(validator=min_len(1))
    schema: int = field(default=SCHEMA, validator=in_([SCHEMA]))
    paper: str = ""
    description: str = ""
    seed: int = field(default=0, validator=ge(0))


@frozen
class AnnotatorUse:
    """One of ``[data] annotate``: who adds columns, and to the manifests of which splits."""

    part: Use
    splits: list[Split] = field(factory=lambda: list(get_args(Split)), validator=min_len(1))


@frozen
class Data:
    """``[data]``: manifests (see :mod:`slp_core.manifest`), relative to ``root``."""

    train: str | None = None
    validation: str | None = None
    test: str | None = None
    root: str = "."
    target: str = "text"  #: the column that is translated into
    language: str = ""  #: of the target, for metrics ("de"); the column ``language`` if empty
    corpus: Use | None = None  #: makes or imports the manifests where they are not there yet
    annotate: list[AnnotatorUse] = field(factory=list)  #: add columns that a manifest lacks
    skip_bad: bool = False  #: leave out rows that cannot be read; they are counted and listed
    cache_gib: float = field(default=2.0, validator=ge(0))  #: read signals kept in memory
    features: str = "features"  #: folder below ``root`` for frozen encoders' output; "": none
    precision: Precision = "float32"  #: of what is kept there

    def path(self, split: str) -> Path | None:
        """The manifest of ``train``, ``validation`` or ``test``."""
        written = getattr(self, split)
        return None if written is None else Path(self.root) / written


@frozen
class Stream:
    """``[streams.<name>]``: a signal, read and encoded; or a branch off another stream."""

    signal: str | None = None
    from_: str | None = None  #: ``from`` in the recipe
    processor: Use | None = None
    encoder: Use | None = None
    tokenizer: Use | None = None
    mapper: Use | None = None


@frozen
class FusionUse:
    """``[fusion]``: which streams are fused (all that nothing branches off) and how."""

    part: Use
    streams: list[str] | None = None


@frozen
class ObjectiveUse:
    """One loss of a stage: what it looks at, against which column, and how much it weighs."""

    part: Use
    on: str = "decoder"
    target: str | None = None
    weight: float = 1.0

    @property
    def label(self) -> str:
        return self.part.name if self.on == "decoder" else f"{self.part.name}@{self.on}"


@frozen
class Stage:
    """``[[stages]]``: what is trained, on which objectives, for how long."""

    name: str = field(validator=min_len(1))
    train: list[str] = field(factory=list)  #: part paths; everything else is frozen
    fit: list[str] = field(factory=list)  #: parts fitted in closed form
    objectives: list[ObjectiveUse] = field(factory=list)
    epochs: float | None = field(default=None, validator=optional(gt(0)))
    steps: int | None = field(default=None, validator=optional(gt(0)))
    batch_steps: int | None = field(default=None, validator=optional(gt(0)))  #: padded steps
    batch_samples: int | None = field(default=None, validator=optional(gt(0)))
    select: str = "loss"  #: the validation metric that chooses the best checkpoint
    patience: int | None = field(default=None, validator=optional(gt(0)))  #: evaluations
    average: int = field(default=1, validator=ge(1))  #: checkpoints averaged at the end
    trainer: dict[str, Any] = field(factory=dict)  #: Hugging Face ``TrainingArguments``

    def __attrs_post_init__(self) -> None:
        if bool(self.train) == bool(self.fit):
            raise ValueError("either `train` or `fit` names parts")
        for key in ("objectives", "epochs", "steps", "batch_steps", "patience", "trainer"):
            if self.fit and getattr(self, key):
                raise ValueError(f"`{key}` has no effect on a stage that fits")
        if self.train and not self.objectives:
            raise ValueError("`objectives` is empty: there is nothing to train on")
        if self.train and (self.epochs is None) == (self.steps is None):
            raise ValueError("either `epochs` or `steps` says how long to train")
        if self.batch_steps and self.batch_samples:
            raise ValueError("either `batch_steps` or `batch_samples` sizes a batch")


@frozen
class Evaluation:
    """``[evaluation]``: how a trained pipeline is scored."""

    metrics: list[Use] = field(factory=list)  #: the usual ones of the language if empty
    controls: bool = True  #: the blindness controls beside the score
    batch_steps: int = field(default=8192, validator=gt(0))
    generation: dict[str, Any] = field(factory=dict)  #: overrides the decoder's own


@frozen
class Source:
    """The merged tables of a recipe and where each key was written."""

    file: str
    table: dict[str, Any]
    places: dict[str, str]  #: key path to "file:line" or "--set"

    def where(self, key: str) -> str:
        """Where a key stands, or the nearest key above it."""
        path = key
        while path:
            if path in self.places:
                return self.places[path]
            path = path.rpartition(".")[0]
        return self.file


@frozen
class Recipe:
    """A whole recipe, structured but not yet checked against the installed parts."""

    header: Header
    data: Data
    streams: dict[str, Stream]
    decoder: Use
    source: Source = field(eq=False, repr=False)
    fusion: FusionUse | None = None
    mapper: Use | None = None
    stages: list[Stage] = field(factory=list)
    evaluation: Evaluation = field(factory=Evaluation)

    @property
    def fused(self) -> list[str]:
        """The streams that go on: those ``[fusion]`` names, or all that nothing branches off."""
        if self.fusion is not None and self.fusion.streams is not None:
            return self.fusion.streams
        trunks = {stream.from_ for stream in self.streams.values()}
        return [name for name in self.streams if name not in trunks]

    @property
    def heard(self) -> list[str]:
        """The streams that reach the decoder: the fused ones and those they branch off. Others
        are for objectives alone, and are not needed to translate."""
        return self.with_trunks(self.fused)

    def with_trunks(self, streams: Iterable[str]) -> list[str]:
        """These streams and those they branch off, in the order of the recipe."""
        reached: dict[str, None] = {}
        for name in streams:
            at: str | None = name
            while at is not None:
                reached[at] = None
                at = self.streams[at].from_
        return [name for name in self.streams if name in reached]

    @property
    def signals(self) -> list[str]:
        """The manifest columns that are needed to translate."""
        named = [self.streams[name].signal for name in self.heard]
        return list(dict.fromkeys(signal for signal in named if signal is not None))

    def to_toml(self) -> str:
        """The resolved recipe, as it is written into a run."""
        import tomli_w

        return tomli_w.dumps(self.source.table)
