"""Running annotators over manifests: columns that training wants and a corpus lacks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from slp_core.annotator import Annotator
from slp_core.check import configured
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.manifest import Manifest, Row, read_manifest, write_manifest
from slp_core.recipe import AnnotatorUse, Data, Use
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


def annotated(manifests: dict[str, Manifest], data: Data) -> dict[str, Manifest]:
    """Manifests by split with the columns that ``[data] annotate`` adds to those they have.

    A column that is in the file is used as it is. The main process goes first, so that the
    others find what it made in the folder of the annotator.

    Raises:
        UserError: an annotator is not there or cannot work, or two give the same column.
    """
    work = []
    for use, one in _annotators(data):
        for split in (split for split in use.splits if split in manifests):
            columns, file = one.lacks(manifests[split]), manifests[split].file
            there = [name for name in one.annotator.columns if name not in columns]
            if there:
                said = ", ".join(there)
                say(f"{file}: has {said}; it is used in place of {one.entry.name}'s")
            if columns:
                work.append((split, one, columns))
    if work and not distributed.is_main():
        distributed.barrier()
    found = dict(manifests)
    for split, one, columns in work:
        found[split] = one.add(found[split], Path(data.root), columns)
    if work and distributed.is_main():
        distributed.barrier()
    return found


def complete(manifest: Manifest, data: Data, split: str) -> bool:
    """Whether a split's manifest has all columns, so that no annotator would have to work."""
    return not any(split in use.splits and one.lacks(manifest) for use, one in _annotators(data))


def _annotators(data: Data) -> list[tuple[AnnotatorUse, Annotating]]:
    made = [(use, make_annotator(use.part, data.target)) for use in data.annotate]
    givers: dict[tuple[str, str], str] = {}
    for use, one in made:
        for place in product(use.splits, one.annotator.columns):
            if place in givers:
                both = f"{givers[place]} and {one.entry.name} both give the column"
                raise UserError(f'data.annotate: {both} "{place[1]}"; call one another')
            givers[place] = one.entry.name
    return made


# -- manifests as files ------------------------------------------------------------------------


def annotate_files(
    files: Sequence[Path], use: Use, out: Path | None = None, replace: bool = False
) -> list[dict[str, Any]]:
    """Write manifests anew with an annotator's columns, each whole or not at all.

    ``out``: where to, in the same folder, if there is one manifest; else in place. What made the
    columns is beside them, in ``<manifest>.provenance.json``. Returns what was done to each file,
    as JSON values.

    Raises:
        UserError: a manifest cannot be read or has a column already (unless it is to be
            replaced), the annotator cannot work, or ``out`` is in another folder.
    """
    one = make_annotator(use)
    columns = list(one.annotator.columns)
    manifests = [read_manifest(file) for file in files]
    for manifest in manifests:
        there = [name for name in columns if name in manifest.columns]
        if there and not replace:
            said = ", ".join(there)
            raise UserError(f"{manifest.file}: has {said} already; --replace writes it anew")
        place = manifest.file if out is None else out
        if place.parent.resolve() != manifest.file.parent.resolve():
            beside = manifest.file.parent / place.name
            raise UserError(
                f"{out}: paths in {manifest.file} are relative to its folder; write it beside it, "
                f"to {beside}"
            )
    return [_annotate_file(manifest, one, columns, out or manifest.file) for manifest in manifests]


def _annotate_file(
    manifest: Manifest, one: Annotating, columns: list[str], out: Path
) -> dict[str, Any]:
    made = one.add(manifest, manifest.file.parent, columns)
    facts = {
        **made.annotations[-1],
        "input": {"file": manifest.file.name, "rows": len(manifest), "sha256": manifest.hash},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    earlier = [it for it in _records(manifest.file) if not set(it["columns"]) <= set(columns)]
    records = json.dumps({"annotations": [*earlier, facts]}, indent=2, ensure_ascii=False)
    # The provenance first: a column without one would stay so, for it is not made again.
    write_text(provenance_of(out), records + "\n")
    rows = [[row.fields[name] for name in made.columns] for row in made]
    write_manifest(out, [*_header(manifest.file), *made.columns[len(manifest.columns) :]], rows)
    empty = {name: sum(not row.fields[name] for row in made) for name in columns}
    return {
        "manifest": str(out),
        "annotator": facts["annotator"],
        "rows": len(made),
        "empty": empty,
        "provenance": str(provenance_of(out)),
    }


def provenance_of(manifest: Path) -> Path:
    """Where it stands how the columns of a manifest were made."""
    return manifest.with_name(f"{manifest.name}.provenance.json")


def _records(manifest: Path) -> list[dict[str, Any]]:
    file = provenance_of(manifest)
    if not file.is_file():
        return []
    try:
        return json.loads(file.read_text(encoding="utf-8"))["annotations"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: is no provenance of a manifest; move it away") from error


def _header(file: Path) -> list[str]:
    """The columns as they are written: MultimodalHugs' tables stay what they are."""
    with file.open(encoding="utf-8-sig") as stream:
        return stream.readline().rstrip("\r\n").split("\t")
