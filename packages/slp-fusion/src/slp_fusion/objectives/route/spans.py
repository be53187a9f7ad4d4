"""What a manifest says about when something is signed, and what a step's class is."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from slp_core.errors import UserError, did_you_mean
from slp_core.manifest import Row


@frozen
class Span:
    """Something that is signed from ``start`` to ``end``, in milliseconds of the clip."""

    label: str
    kind: str  #: "sign", "name", "letter", "mouthing", ...
    start: float
    end: float


def spans_of(row: Row, column: str) -> list[Span]:
    """The spans of a row: a JSON list of ``{label, kind, start, end}``, in the milliseconds of the
    file, as the row's own ``start`` and ``end`` are. They are told in milliseconds of the clip.

    Raises:
        UserError: there is no such column, or it holds something else.
    """
    if column not in row.fields:
        raise UserError(f'{row.where}: no column "{column}"{did_you_mean(column, row.fields)}')
    try:
        told = json.loads(row.fields[column])
    except ValueError as error:
        raise _wrong(row, column, f"no JSON ({error})") from error
    if not isinstance(told, list):
        raise _wrong(row, column, f"{json.dumps(told)[:40]} is no list")
    begin, _ = row.span
    return [_span(one, row, column, begin) for one in told]


def _span(told: Any, row: Row, column: str, begin: float) -> Span:
    try:
        label, kind, start, end = (told[key] for key in ("label", "kind", "start", "end"))
    except (KeyError, TypeError) as error:
        raise _wrong(row, column, f"{json.dumps(told)} lacks a key") from error
    times = all(type(one) in (int, float) for one in (start, end))
    if not (isinstance(kind, str) and times and start <= end):
        raise _wrong(row, column, f"{json.dumps(told)} has a wrong kind or wrong times")
    return Span(str(label), kind, start - begin, end - begin)


def _wrong(row: Row, column: str, what: str) -> UserError:
    return UserError(
        f"{row.where}: {column}: {what}; a JSON list of {{label, kind, start, end}}, in "
        "milliseconds of the file, is expected ([] where nothing is signed)"
    )
