"""The data contract: a TSV, one row a sample, every field read verbatim.

Our own columns are ``id``, one column a signal (``video``, ``pose``, ``features.<name>``),
``start``/``end`` in milliseconds, ``text``, ``gloss``, ``language`` and any annotation.
MultimodalHugs' files (``signal``, ``signal_start``, ``signal_end``, ``encoder_prompt``,
``decoder_prompt``, ``output``) load unchanged. There is no quoting: a field that begins with
``"`` is a field that begins with ``"``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from slp_core.errors import UserError, did_you_mean
from slp_core.files import write_text

MULTIMODALHUGS = {"signal", "signal_start", "signal_end", "output"}
_ALIASES = {"signal_start": "start", "signal_end": "end", "output": "text"}


@frozen(eq=False)
class Row:
    """One sample, as written. ``file`` and ``line`` say where, for messages."""

    fields: dict[str, str]
    file: Path
    line: int

    @property
    def id(self) -> str:
        return self.fields.get("id") or f"{self.file.stem}:{self.line}"

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    def get(self, column: str) -> str:
        """The field, or "" where the column is absent."""
        return self.fields.get(column, "")

    def path(self, column: str) -> Path:
        """The file a signal column names, relative to the manifest's folder."""
        return self.file.parent / self.fields[column]

    @property
    def span(self) -> tuple[float, float | None]:
        """Start and end in milliseconds; the end is None for "to the end of the file".

        Raises:
            UserError: a bound is no number, is negative, or the span is empty.
        """
        bounds = []
        for column in ("start", "end"):
            written = self.get(column) or "0"
            try:
                bounds.append(float(written))
            except ValueError:
                raise UserError(
                    f"{self.where}: {column}: {written!r} is no number of milliseconds"
                ) from None
        start, end = bounds
        if not (0 <= start < float("inf") and 0 <= end < float("inf")):
            raise UserError(f"{self.where}: start/end: {start:g} to {end:g} is outside any clip")
        if end == 0:
            return start, None
        if end <= start:
            raise UserError(f"{self.where}: start/end: the span {start:g} to {end:g} ms is empty")
        return start, end


@frozen
class Manifest:
    """The rows of one split."""

    file: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...] = field(repr=False)
    hash: str = field(repr=False)  #: SHA-256 of the file as it was read
    #: how the columns were made that are not in the file, an annotator each; JSON values
    annotations: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def column(self, name: str) -> list[str]:
        """All fields of a column.

        Raises:
            UserError: the manifest has no such column.
        """
        self.require([name])
        return [row.fields[name] for row in self.rows]

    def require(self, columns: Iterable[str]) -> None:
        """Raise a UserError that names each missing column and the nearest that is there."""
        missing = [name for name in columns if name not in self.columns]
        if missing:
            said = "; ".join(f'no column "{n}"{did_you_mean(n, self.columns)}' for n in missing)
            raise UserError(f"{self.file}: {said}")


def read_manifest(file: Path | str) -> Manifest:
    """Read a TSV verbatim.

    Raises:
        UserError: the file is absent, empty, not UTF-8, has a column twice or a row whose
            fields are fewer or more than the columns; every bad row is named.
    """
    file = Path(file)
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        here = "" if file.is_absolute() else " where this command is called"
        raise UserError(f"{file}: there is no such manifest{here}") from None
    except OSError as error:  # a folder, no rights, a name too long
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    written = lines[0].split("\t")
    if not lines[0].strip():
        raise UserError(f"{file}:1: the header line is empty")
    columns = _columns(file, written)
    rows, bad = [], []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        fields = line.split("\t")
        if len(fields) != len(columns):
            bad.append(f"{file}:{number}: {len(fields)} fields, {len(columns)} columns")
            continue
        rows.append(Row(dict(zip(columns, fields, strict=True)), file, number))
    if bad:
        raise UserError("\n".join(bad))
    if not rows:
        raise UserError(f"{file}: the manifest has no rows")
    _refuse_doubles(file, rows)
    return Manifest(file, columns, tuple(rows), hashlib.sha256(content).hexdigest())


def _columns(file: Path, written: Sequence[str]) -> tuple[str, ...]:
    hugs = set(written) >= MULTIMODALHUGS
    columns = tuple(_ALIASES.get(name, name) if hugs else name for name in written)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise UserError(f"{file}:1: the column {twice[0]!r} stands there twice")
    if "" in columns:
        raise UserError(f"{file}:1: column {columns.index('') + 1} has no name")
    return columns


def _refuse_doubles(file: Path, rows: Sequence[Row]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.get("id"):
            if row.id in seen:
                raise UserError(f"{row.where}: id {row.id!r} stands on line {seen[row.id]} too")
            seen[row.id] = row.line


def write_manifest(file: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a TSV verbatim, whole or not at all.

    Raises:
        UserError: a field holds a tab or a line break, which the format cannot say.
    """
    lines = ["\t".join(columns)]
    for number, row in enumerate(rows, start=2):
        for name, value in zip(columns, row, strict=True):
            if any(mark in value for mark in "\t\n\r"):
                raise UserError(f"{file}:{number}: {name}: a tab or line break in {value!r}")
        lines.append("\t".join(row))
    write_text(file, "\n".join(lines) + "\n")
