"""``log.jsonl`` of a stage: what was logged, a line each. Free of torch."""

from __future__ import annotations

import json
from pathlib import Path

from slp_core.errors import UserError
from slp_core.files import read_text

LOG = "log.jsonl"
Log = list[dict[str, float]]


def read_log(file: Path) -> Log:
    """The entries of a log, each with its ``step``; none where there is no file. Half a last line,
    which a killed run may leave, counts for nothing.

    Raises:
        UserError: the file is not UTF-8, or a line is no entry.
    """
    lines = read_text(file).splitlines() if file.is_file() else []
    entries: Log = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            if not isinstance(entry["step"], int | float):
                raise TypeError("step is no number")
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise UserError(f"{file}:{number}: is no entry of a log: {error!r}") from error
        entries.append(entry)
    return entries
