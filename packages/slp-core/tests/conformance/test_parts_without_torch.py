"""Annotators, corpora, metrics and commands that are wrong are named for their fault."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from attrs import field, frozen

from slp_core.annotator import Annotator
from slp_core.corpus import Corpus
from slp_core.errors import UserError
from slp_core.manifest import write_manifest
from slp_core.testing import Trial, faults

from .toys import assert_named


class NoPart:
    def __init__(self, *given: Any) -> None: ...


# -- annotators ----------------------------------------------------------------------------------


class Shouts(Annotator):
    columns = ("loud",)

    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return ({"loud": row.get("text").upper()} for row in rows)


class Tabs(Shouts):
    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return ({"loud": "\t"} for _ in rows)


class More(Shouts):
    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return ({"loud": "", "more": ""} for _ in rows)


class First(Shouts):
    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return [*super().annotate(rows, folder)][:1]


class Columnless(Shouts):
    columns = ()


class FilesOfNothing(Shouts):
    files = ("film",)


class FilesNotThere(Shouts):
    files = ("loud",)


class Gambles(Shouts):
    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        return ({"loud": str(random.random())} for _ in rows)


class CountsCalls(Shouts):
    """Says another thing where it has been asked before."""

    def annotate(self, rows: Any, folder: Path, progress: Any = None) -> Any:
        before = (folder / "asked").exists()
        (folder / "asked").touch()
        return ({"loud": str(before)} for _ in rows)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (Tabs, "annotate: row 0: loud is '\\t'"),
        (More, "annotate: row 0 has loud, more, loud is expected"),
        (First, "annotate: gives 1 of 4 rows"),
        (Columnless, "columns: are (); a tuple of names is expected"),
        (FilesOfNothing, "columns: files names film, which it does not add"),
        (FilesNotThere, "annotate: row 0: loud names BOB SEES THE SUN, which is not there"),
        (Gambles, "seed: asked twice, it says two things"),
        (CountsCalls, "state: asked again, with what lies in its folder"),
        (NoPart, "factory: makes a NoPart; derive it from Annotator"),
    ],
)
def test_annotators(spec: Any, wrong: Any, fault: str) -> None:
    assert faults(spec(Shouts, None, "annotator")) == []
    assert_named(spec(wrong, None, "annotator"), fault)


# -- corpora -------------------------------------------------------------------------------------


@frozen
class Copied:
    source: str = field(metadata={"help": "folder of the official files"})


class Copies(Corpus):
    def make(self, folder: Path, progress: Any = None) -> dict[str, Path]:
        if not Path(self.config.source).is_dir():
            raise UserError(f"{self.config.source} is no folder")
        return self.written(folder)

    def written(self, folder: Path, split: str = "train", text: str = "rain") -> dict[str, Path]:
        write_manifest(folder / "train.tsv", ["text"], [[text]])
        return {split: folder / "train.tsv"}


class TakesAnything(Copies):
    def make(self, folder: Path, progress: Any = None) -> dict[str, Path]:
        return self.written(folder)


class NamesNothing(Copies):
    def make(self, folder: Path, progress: Any = None) -> dict[str, Path]:
        if not Path(self.config.source).is_dir():
            raise UserError("it is not there")
        return self.written(folder)


class Development(Copies):
    def make(self, folder: Path, progress: Any = None) -> dict[str, Path]:
        return self.written(folder, "dev")


class Draws(Copies):
    def make(self, folder: Path, progress: Any = None) -> dict[str, Path]:
        return self.written(folder, text=str(random.random()))


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (TakesAnything, "refusal: a source that is not there is taken; raise UserError"),
        (NamesNothing, "refusal: of a source that is not there does not name it: it is not there"),
        (Development, "make: gives dev; test, train, validation"),
        (Draws, "seed: made twice, its manifests differ"),
        (NoPart, "factory: makes a NoPart; derive it from slp_core.Corpus"),
    ],
)
def test_corpora(spec: Any, wrong: Any, fault: str) -> None:
    def made(cls: Any) -> Any:
        def trial(folder: Path) -> Trial:
            return Trial(config={"source": str(folder)})

        return spec(cls, None, "corpus", trial=trial, config=Copied)

    assert faults(made(Copies)) == []
    assert_named(made(wrong), fault)


# -- metrics -------------------------------------------------------------------------------------


class Exact:
    """The share of hypotheses that are the reference."""

    higher_is_better, name, signature = True, "exact", ""

    def __init__(self, config: Any) -> None: ...

    def statistics(self) -> None: ...

    def score(self, texts: Sequence[str], references: Sequence[str]) -> Any:
        if not texts or len(texts) != len(references):
            raise UserError("one hypothesis a reference is expected")
        return SimpleNamespace(value=self.value(texts, references))

    def value(self, texts: Sequence[str], references: Sequence[str]) -> float:
        return sum(one == other for one, other in zip(texts, references, strict=True)) / len(texts)


class Drifts(Exact):
    def value(self, texts: Sequence[str], references: Sequence[str]) -> float:
        return random.random() + 9 * super().value(texts, references)


class Inverted(Exact):
    higher_is_better = False


class CountsWords(Exact):
    def value(self, texts: Sequence[str], references: Sequence[str]) -> float:
        return len(" ".join(texts).split())


class Trusts(Exact):
    def score(self, texts: Sequence[str], references: Sequence[str]) -> Any:
        pairs = zip(texts, references, strict=False)
        return SimpleNamespace(value=sum(one == other for one, other in pairs))


class Fails(Exact):
    def score(self, texts: Sequence[str], references: Sequence[str]) -> Any:
        return SimpleNamespace(value=self.value(texts, references))


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (Drifts, "score: of the same twice is "),
        (Inverted, "score: of hypotheses that are empty is 0, of the references themselves 1, and"),
        (CountsWords, "score: of hypotheses of other sentences is 30, of the references them"),
        (Trusts, "refusal: one hypothesis less is taken; raise UserError"),
        (Trusts, "refusal: no hypotheses is taken; raise UserError"),
        (Fails, "refusal: no hypotheses raises ValueError"),
        (NoPart, "factory: makes a NoPart without `score`"),
    ],
)
def test_metrics(spec: Any, wrong: Any, fault: str) -> None:
    assert faults(spec(Exact, None, "metric")) == []
    assert_named(spec(wrong, None, "metric"), fault)


# -- commands ------------------------------------------------------------------------------------


def test_commands(spec: Any) -> None:
    @click.command()
    def hello() -> None:
        """Say hello."""

    @click.command()
    def silent() -> None: ...

    assert faults(spec(hello, None, "command")) == []
    assert_named(spec(silent, None, "command"), "help: it has no help; write a docstring")
    said = "factory: is a type, a click command is expected"
    assert_named(spec(NoPart, None, "command"), said)
