"""From uploaded files to an answer, one at a time, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import frozen

from slp_cli.page.uploads import Intake, Limits, intakes
from slp_core.errors import UserError

if TYPE_CHECKING:
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline
    from slp_core.sequence import Sequence

ALTERNATIVES = 4  #: shown, where the search found as many
FRAMES = 8  #: of what was seen


@frozen
class Answer:
    """What is shown of one translation."""

    said: Translation
    withheld: bool  #: less quality is expected than is asked for
    shares: dict[str, list[float]]  #: of the streams, at every step; empty where nobody tells them
    rate: float  #: steps a second, NaN where there is no clock
    seen: list[list[str]]  #: frames of every signal, as SVG; those that look alike once


class Translator:
    """A pipeline that several threads may ask. It answers them one after another, since a
    pipeline belongs to one at a time and a translation occupies the whole machine. The folder
    ``cache`` is emptied after each.

    Raises:
        UserError: the pipeline reads no files.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        reject_below: float | None = None,
        cache: Path | None = None,
    ) -> None:
        self.pipeline = pipeline.eval()
        self.limits, self.reject_below, self.cache = limits, reject_below, cache
        self.intakes: list[Intake] = intakes(pipeline)
        self._alone = Lock()

    def __call__(self, files: Mapping[str, Path]) -> Answer:
        """Translate a file for every signal, decoded as the recipe's ``[evaluation]`` has it.

        Raises:
            UserError: a file is missing or refused. Files are called by their names alone.
        """
        try:
            for intake in self.intakes:
                if intake.column not in files:
                    raise UserError(f"there is no {intake.column} yet: choose a file first")
                intake.check(files[intake.column], self.limits)
            with self._alone:
                try:
                    return self._answer(files)
                finally:
                    if self.cache is not None:
                        rmtree(self.cache, ignore_errors=True)
        except UserError as error:
            raise UserError(_without_folders(str(error), files)) from error

    def _answer(self, files: Mapping[str, Path]) -> Answer:
        with _shares(self.pipeline) as shares:
            said = self.pipeline.translate(files, alternatives=ALTERNATIVES)
        rates = [float(one.rate[0]) for one in shares.values()]
        return Answer(
            said,
            said.is_below(self.reject_below),
            {name: one.steps.float().tolist() for name, one in shares.items()},
            rates[0] if rates else float("nan"),
            self._seen(files),
        )

    def _seen(self, files: Mapping[str, Path]) -> list[list[str]]:
        from slp_core.manifest import Row

        row = Row({column: str(file) for column, file in files.items()}, Path(), 0)
        shown = self.pipeline.reader.only(self.pipeline.recipe.heard).show(row, FRAMES)
        strips = [frames for frames in shown.values() if frames]
        return [one for place, one in enumerate(strips) if one not in strips[:place]]


@contextmanager
def _shares(pipeline: Pipeline) -> Iterator[dict[str, Sequence]]:
    """What the fusion tells of the streams that reach it meanwhile; nothing without a fusion."""
    told: dict[str, Sequence] = {}
    if "fusion" not in pipeline.parts:
        yield told
        return

    def tell(fusion: Any, given: tuple[dict[str, Sequence]], _: Sequence) -> None:
        told.update(fusion.shares(*given))

    hook = pipeline.part("fusion").register_forward_hook(tell)
    try:
        yield told
    finally:
        hook.remove()


def _without_folders(message: str, files: Mapping[str, Path]) -> str:
    """Where an upload lies is nobody's business."""
    for file in files.values():
        message = message.replace(str(file), file.name)
    return message
