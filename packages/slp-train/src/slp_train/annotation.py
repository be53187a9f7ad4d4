"""Running annotators over manifests: columns that training wants and a corpus lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from slp_core.annotator import Annotator
from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
from slp_core.recipe import Data, Use
from slp_core.registry import Entry
from slp_core.schema import unstructure
from slp_train import distributed
from slp_train.progress import bar, say

FOLDER = "annotations"  #: of what annotators keep, beside the manifests


@frozen
class Annotating:
    """An annotator, made, and how it is called in recipes and messages."""

    entry: Entry
    annotator: Annotator

    def lacks(self, manifest: Manifest) -> list[str]:
        """Those of its columns that a manifest does not have."""
        return [name for name in self.annotator.columns if name not in manifest.columns]

    def add(self, manifest: Manifest, home: Path, columns: list[str]) -> Manifest:
        """A manifest with ``columns`` of the annotator's, as it would stand in its folder.

        ``home``: the folder whose ``annotations/<name>`` keeps what is dear to make again.
        """
        name, folder = self.entry.name, home / FOLDER / self.entry.name
        with bar(f"{name} {manifest.file.stem}") as progress:
            made = list(self.annotator.annotate(manifest.rows, folder, progress))
        if len(made) != len(manifest):
            raise ValueError(f"{self.entry}: {len(made)} answers to {len(manifest)} rows")
        rows = tuple(
            evolve(row, fields=row.fields | {one: self._field(fields, one, row) for one in columns})
            for row, fields in zip(manifest.rows, made, strict=True)
        )
        added = [name for name in columns if name not in manifest.columns]
        return evolve(
            manifest,
            columns=(*manifest.columns, *added),
            rows=rows,
            annotations=(*manifest.annotations, self.facts(columns)),
        )

    def _field(self, fields: dict[str, str], column: str, row: Row) -> str:
        field = fields[column]
        if any(mark in field for mark in "\t\n\r"):
            raise ValueError(f"{self.entry}: {row.where}: {column}: a tab or line break: {field!r}")
        if field and column in self.annotator.files:
            return os.path.relpath(Path(field).resolve(), row.file.parent.resolve())
        return field

    def facts(self, columns: list[str]) -> dict[str, Any]:
        """What the columns were made by; JSON values."""
        return {
            "annotator": self.entry.name,
            "package": self.entry.distribution,
            "version": self.entry.version,
            "columns": columns,
            "config": unstructure(self.annotator.config),
            "provenance": self.annotator.provenance(),
        }


def make_annotator(use: Use, target: str = "text") -> Annotating:
    """An annotator by name.

    Raises:
        UserError: there is none of that name, or it is configured badly.
    """
    entry, spec, config = configured("annotator", use)
    return Annotating(entry, spec.load()(config, Context(target=target)))


def annotated(manifest: Manifest, data: Data, split: str) -> Manifest:
    """A split's manifest with the columns that ``[data] annotate`` adds to those it has.

    A column that is in the file is used as it is. The main process goes first, so that the
    others find what it made in the folder of the annotator.

    Raises:
        UserError: an annotator is not there or cannot work, or two give the same column.
    """
    work = []
    for one in _annotators(data, split):
        columns = one.lacks(manifest)
        there = [name for name in one.annotator.columns if name not in columns]
        if there:
            said = ", ".join(there)
            say(f"{manifest.file}: has {said}; it is used in place of {one.entry.name}'s")
        if columns:
            work.append((one, columns))
    if work and not distributed.is_main():
        distributed.barrier()
    for one, columns in work:
        manifest = one.add(manifest, Path(data.root), columns)
    if work and distributed.is_main():
        distributed.barrier()
    return manifest


def complete(manifest: Manifest, data: Data, split: str) -> bool:
    """Whether a split's manifest has all columns, so that no annotator would have to work."""
    return not any(one.lacks(manifest) for one in _annotators(data, split))


def _annotators(data: Data, split: str) -> Iterator[Annotating]:
    givers: dict[str, str] = {}
    for use in data.annotate:
        if split in use.splits:
            one = make_annotator(use.part, data.target)
            for name in one.annotator.columns:
                if name in givers:
                    both = f"{givers[name]} and {one.entry.name} both give the column"
                    raise UserError(f'data.annotate: {both} "{name}"; call one another')
                givers[name] = one.entry.name
            yield one
