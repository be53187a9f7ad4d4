"""The recipe: a TOML file that names parts and says how they are trained. It runs no code.

:mod:`slp_core.recipe_file` reads it, :mod:`slp_core.recipe_tables` makes these classes of it and
:mod:`slp_core.check` holds it against the installed parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

from attrs import field, frozen
from attrs.validators import and_, ge, gt, in_, le, min_len, optional

SCHEMA = 1
Precision = Literal["float32", "bfloat16", "float16"]
Split = Literal["train", "validation", "test"]


def _help(text: str, **more: str) -> dict[str, str]:
    """Metadata of a key; ``kind``: of the part that it names."""
    return {"help": text, **more}


def _folder_name(_: object, __: object, name: str) -> None:
    if name.startswith(".") or set(name) & set("/\\:") or not name.isprintable():
        raise ValueError("a folder is called so: no slash, backslash or colon, and no dot in front")


def _stage_name(_: object, __: object, name: str) -> None:
    if "." in name or name == "pipeline":
        raise ValueError('a folder of the run is called so: no dot, and not "pipeline"')


@frozen
class Use:
    """A part, named: ``{ use = "linear", dim = 768 }``."""

    name: str
    options: dict[str, Any] = field(factory=dict)


@frozen
class Header:
    """``[recipe]``"""

    name: str = field(
        validator=and_(min_len(1), _folder_name),
        metadata=_help("of the recipe, and of its run: runs/<name>"),
    )
    schema: int = field(
        default=SCHEMA, validator=in_([SCHEMA]), metadata=_help("version of the recipe's grammar")
    )
    paper: str = field(default="", metadata=_help('what it follows, as "arXiv:2408.10593"'))
    description: str = field(default="", metadata=_help("for whoever reads it"))
    seed: int = field(
        default=0,
        validator=and_(ge(0), le(2**32 - 1)),  # what numpy takes
        metadata=_help("of weights, of order and of what is drawn"),
    )


@frozen
class AnnotatorUse:
    """One of ``[data] annotate``: who adds columns, and to the manifests of which splits."""

    part: Use = field(metadata=_help("who adds columns", kind="annotator"))
    splits: list[Split] = field(
        factory=lambda: list(get_args(Split)),
        validator=min_len(1),
        metadata=_help("whose manifests get the columns"),
    )


@frozen
class Data:
    """``[data]``: manifests (see :mod:`slp_core.manifest`), relative to ``root``."""

    train: str | None = field(
        default=None, metadata=_help("manifest that is trained on, relative to root")
    )
    validation: str | None = field(
        default=None, metadata=_help("manifest that chooses checkpoints and calibrates")
    )
    test: str | None = field(default=None, metadata=_help("manifest that is scored in the end"))
    root: str = field(
        default=".", metadata=_help("folder, relative to where the command is called")
    )
    target: str = field(default="text", metadata=_help("column that is translated into"))
    language: str = field(
        default="",
        metadata=_help('of the target, for metrics, as "de"; left out: the column language'),
    )
    corpus: Use | None = field(
        default=None,
        metadata=_help("makes the manifests where they are not there yet", kind="corpus"),
    )
    annotate: list[AnnotatorUse] = field(
        factory=list, metadata=_help("who adds columns that a manifest lacks")
    )
    skip_bad: bool = field(
        default=False,
        metadata=_help("leave out rows that cannot be read; they are counted and listed"),
    )
    cache_gib: float = field(
        default=2.0, validator=ge(0), metadata=_help("memory for signals that have been read, GiB")
    )
    features: str = field(
        default="features",
        metadata=_help(
            'folder below root for what frozen encoders make of the clips; "": encode anew at '
            "every step"
        ),
    )
    precision: Precision = field(
        default="float32", metadata=_help("of frozen encoders and of what is kept of them")
    )

    def path(self, split: str) -> Path | None:
        """The manifest of ``train``, ``validation`` or ``test``."""
        written = getattr(self, split)
        return None if written is None else Path(self.root) / written


@frozen
class Stream:
    """``[streams.<name>]``: a signal, read and encoded; or a branch off another stream."""

    signal: str | None = field(default=None, metadata=_help("manifest column that is read"))
    from_: str | None = field(
        default=None, metadata=_help("stream whose end it branches off, instead of a signal")
    )
    processor: Use | None = field(
        default=None,
        metadata=_help("reads the signal; left out: the one of its name", kind="processor"),
    )
    encoder: Use | None = field(
        default=None, metadata=_help("signal to sequence; needed behind a signal", kind="encoder")
    )
    tokenizer: Use | None = field(
        default=None, metadata=_help("sequence to codes", kind="tokenizer")
    )
    mapper: Use | None = field(default=None, metadata=_help("sequence to sequence", kind="mapper"))


@frozen
class FusionUse:
    """``[fusion]``: which streams are fused (all that nothing branches off) and how."""

    part: Use = field(metadata=_help("how streams become one", kind="fusion"))
    streams: list[str] | None = field(
        default=None,
        metadata=_help("streams that are fused; left out: all that nothing branches off"),
    )


@frozen
class ObjectiveUse:
    """One loss of a stage: what it looks at, against which column, and how much it weighs."""

    part: Use = field(metadata=_help("the loss", kind="objective"))
    on: str = field(default="decoder", metadata=_help("path of the part that it looks at"))
    target: str | None = field(
        default=None, metadata=_help("manifest column that it learns; left out: data.target")
    )
    weight: float = field(default=1.0, metadata=_help("of the loss beside the others"))

    @property
    def label(self) -> str:
        return self.part.name if self.on == "decoder" else f"{self.part.name}@{self.on}"


@frozen
class Stage:
    """``[[stages]]``: what is trained, on which objectives, for how long."""

    name: str = field(
        validator=and_(min_len(1), _folder_name, _stage_name),
        metadata=_help("a folder of the run"),
    )
    train: list[str] = field(
        factory=list,
        metadata=_help("parts that are trained, as streams.*.mapper; all others are frozen"),
    )
    fit: list[str] = field(
        factory=list, metadata=_help("parts that are fitted in closed form, instead of `train`")
    )
    objectives: list[ObjectiveUse] = field(factory=list, metadata=_help("losses that are added up"))
    epochs: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata=_help("how long, in passes over the training rows; or `steps`"),
    )
    steps: int | None = field(
        default=None, validator=optional(gt(0)), metadata=_help("how long, in updates of weights")
    )
    batch_steps: int | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata=_help("size of a batch, in padded steps of the signal; or `batch_samples`"),
    )
    batch_samples: int | None = field(
        default=None, validator=optional(gt(0)), metadata=_help("size of a batch, in samples")
    )
    select: str = field(
        default="loss", metadata=_help("validation metric that chooses the best checkpoint")
    )
    patience: int | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata=_help("evaluations without progress after which training ends"),
    )
    average: int = field(
        default=1, validator=ge(1), metadata=_help("checkpoints averaged at the end")
    )
    trainer: dict[str, Any] = field(
        factory=dict, metadata=_help("Hugging Face TrainingArguments, as learning_rate")
    )

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

    metrics: list[Use] = field(
        factory=list, metadata=_help("left out: the usual ones of the language", kind="metric")
    )
    controls: bool = field(
        default=True, metadata=_help("score the blindness controls beside the translations")
    )
    batch_steps: int = field(
        default=8192, validator=gt(0), metadata=_help("size of a batch, in padded steps")
    )
    generation: dict[str, Any] = field(
        factory=dict, metadata=_help("overrides the decoder's own settings, as num_beams")
    )


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

    header: Header = field(metadata=_help("what it is called"))  #: ``[recipe]``
    data: Data = field(metadata=_help("what is learnt from"))
    streams: dict[str, Stream] = field(metadata=_help("what is read of a clip, and how"))
    decoder: Use = field(metadata=_help("sequence to text", kind="decoder"))
    source: Source = field(eq=False, repr=False)
    fusion: FusionUse | None = field(default=None, metadata=_help("several streams to one"))
    mapper: Use | None = field(
        default=None,
        metadata=_help("between the fused streams and the decoder", kind="mapper"),
    )
    stages: list[Stage] = field(factory=list, metadata=_help("training, one after another"))
    evaluation: Evaluation = field(
        factory=Evaluation, metadata=_help("how the trained pipeline is scored")
    )

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
