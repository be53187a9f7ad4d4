"""What the page takes: which files, how large, how long. Refused before anything is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from slp_core.errors import UserError
from slp_core.signals import Clip, Processor

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

FILM = ".mp4"  #: where these are taken, all films are
DATA = (".pose",)  #: what a reader of films may also take
MOST_FRAMES = 120  #: a second, so that a short film cannot be a heap of frames


@frozen
class Limits:
    """Of one file. A megabyte has 10^6 bytes."""

    seconds: float = 30.0
    megabytes: float = 50.0

    def __str__(self) -> str:
        return f"at most {self.seconds:g} seconds and {self.megabytes:g} MB"


@frozen
class Intake:
    """A signal that the pipeline reads: its column, and who reads it."""

    column: str
    processors: tuple[Processor, ...]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How its files are called; empty where any name will do."""
        named = [one.suffixes for one in self.processors if one.suffixes]
        return (
            tuple(one for one in named[0] if all(one in other for other in named)) if named else ()
        )

    @property
    def takes_films(self) -> bool:
        return FILM in self.suffixes

    @property
    def others(self) -> tuple[str, ...]:
        """What its files are called that are no films."""
        return tuple(one for one in self.suffixes if not self.takes_films or one in DATA)

    @property
    def kinds(self) -> list[str]:
        """What is taken, in words."""
        return [*(["video files"] if self.takes_films else []), *self.others]

    def check(self, file: Path, limits: Limits) -> None:
        """See that a file may be translated, without decoding it.

        Raises:
            UserError: it is empty, too large, too long, or no file of a kind that is read.
        """
        size = file.stat().st_size
        if not size:
            raise UserError(f"{file}: is empty")
        if size > limits.megabytes * 1e6:
            raise UserError(f"{file}: has {size / 1e6:.1f} MB; {limits} are taken")
        for processor in self.processors:
            extent = processor.extent(Clip(str(file)))
            if extent is None:
                continue
            if extent.seconds > limits.seconds:
                raise UserError(f"{file}: lasts {extent.seconds:.1f} seconds; {limits} are taken")
            if extent.frames > limits.seconds * MOST_FRAMES:
                raise UserError(f"{file}: has {extent.frames} frames, too many for a short clip")
        if self.suffixes and file.suffix.lower() not in self.suffixes:
            raise UserError(f"{file}: is none of the files that are taken here")


def intakes(pipeline: Pipeline) -> list[Intake]:
    """What is needed to translate, in the order of the recipe.

    Raises:
        UserError: it is not files.
    """
    recipe = pipeline.recipe
    readers = pipeline.reader.only(recipe.heard).processors
    found = []
    for column in recipe.signals:
        processors = tuple(
            r for name, r in readers.items() if recipe.streams[name].signal == column
        )
        if not all(one.reads_files for one in processors):
            raise UserError(
                f"{recipe.header.name}: reads `{column}`, which is text and no file; "
                "`slp serve` shows pipelines that read videos or other files"
            )
        found.append(Intake(column, processors))
    return found
