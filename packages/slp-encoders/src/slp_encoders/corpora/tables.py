"""The official files' format: delimited text without quoting, read verbatim."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from slp_core.errors import UserError
from slp_core.manifest import write_manifest


def read_table(file: Path, delimiter: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a delimited file as dictionaries.

    Raises:
        UserError: the file is absent, not UTF-8, lacks a column or has a row of another width.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{file}: is not there; it is part of the official download") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from error
    header = lines[0].split(delimiter) if lines else []
    missing = [name for name in columns if name not in header]
    if missing:
        raise UserError(f"{file}:1: no column {', '.join(missing)}; the columns are {header}")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split(delimiter)
        if not line:
            continue
        if len(fields) != len(header):
            raise UserError(f"{file}:{number}: {len(fields)} fields, {len(header)} columns")
        rows.append(dict(zip(header, fields, strict=True)))
    return rows


def relative(path: Path, folder: Path) -> str:
    """A path as a manifest in ``folder`` names it."""
    return os.path.relpath(path.resolve(), folder.resolve())


def write_split(folder: Path, split: str, rows: Iterable[dict[str, str]]) -> Path:
    """Write the manifest of one split; the first row tells the columns."""
    rows = list(rows)
    if not rows:
        raise UserError(f"the {split} split has no rows")
    columns = list(rows[0])
    file = folder / f"{split}.tsv"
    write_manifest(file, columns, ([row[name] for name in columns] for row in rows))
    return file
