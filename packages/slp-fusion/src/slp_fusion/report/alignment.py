"""The section on how alike signs and their texts became in stages that align them."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

from attrs import frozen

from slp_core.stage_files import read, stages
from slp_fusion.report.page import environment

BEFORE, AFTER = "alignment.before.json", "alignment.after.json"


@frozen
class Look:
    """Clips (rows) and sentences (columns): how alike they are, and who is most like whom."""

    when: str
    table: list[list[float]]  #: ``b b`` cosines
    samples: list[dict[str, Any]]

    @property
    def own(self) -> float:
        """The mean over clips and their own sentences."""
        return fmean(row[number] for number, row in enumerate(self.table))

    @property
    def others(self) -> float | None:
        """The mean over clips and other sentences; None where there is but one."""
        found = [
            one
            for i, row in enumerate(self.table)
            for j, one in enumerate(row)
            if not self._same(i, j)
        ]
        return fmean(found) if found else None

    @property
    def sentences_found(self) -> int:
        """How many clips are most like their own sentence."""
        return self._found(self.table)

    @property
    def clips_found(self) -> int:
        """How many sentences are most like their own clip, or one of the same sentence."""
        return self._found([list(column) for column in zip(*self.table, strict=True)])

    def _found(self, table: list[list[float]]) -> int:
        return sum(self._same(i, row.index(max(row))) for i, row in enumerate(table))

    def _same(self, i: int, j: int) -> bool:
        return bool(self.samples[i]["text"] == self.samples[j]["text"])

    def words_of(self, sample: str) -> list[tuple[str, int, bool]]:
        """The words nearest to a sample's steps: each with how often it comes in a row, and
        whether it is a piece of the sentence."""
        facts = next((one for one in self.samples if one["id"] == sample), {})
        runs = [(word, len([*run])) for word, run in groupby(facts.get("nearest", []))]
        return [(word, times, word in facts["pieces"]) for word, times in runs]


def sections(run: Path) -> list[tuple[str, str]]:
    """One section, if a stage of the run aligned signs with text."""
    found = {folder.name: looks for folder in stages(run) if (looks := _looks(folder))}
    if not found:
        return []
    html = environment().get_template("alignment.html.jinja").render(stages=found, scale=_scale)
    return [("Alignment of signs and text", html)]


def _looks(folder: Path) -> list[Look]:
    files = {"before": read(folder / BEFORE), "after": read(folder / AFTER)}
    return [
        Look(when, told["similarities"], told["samples"]) for when, told in files.items() if told
    ]


def _scale(looks: list[Look]) -> tuple[float, float]:
    """What has no colour, 0 at least, and what has full colour: the greatest of all."""
    values = [one for look in looks for row in look.table for one in row]
    return max(min(values), 0), max(*values, 0)
