"""Annotators: columns made of other columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slp_core.annotator import Annotator
from slp_core.context import Context
from slp_core.spec import ComponentSpec
from slp_core.testing.findings import Findings
from slp_core.testing.trial import Trial, manifest


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold an annotator to its columns: a field of each for every row, the same each time."""
    context = Context(path="annotator", target=trial.target)
    made = spec.load()(config, context)
    if not isinstance(made, Annotator):
        found.fault("factory", f"makes a {type(made).__name__}; derive it from Annotator")
        return
    columns = getattr(made, "columns", ())
    if not isinstance(columns, tuple) or not columns:
        found.fault("columns", f"are {columns!r}; a tuple of names is expected once it is made")
        return
    if strange := set(made.files) - set(columns):
        found.fault("columns", f"files names {', '.join(sorted(strange))}, which it does not add")
    rows = list(manifest(folder, trial.rows))
    with found.trying("annotate"):
        fields = list(made.annotate(rows, _made(folder / "one")))
        _fields(fields, rows, made, found)
        again = list(spec.load()(config, context).annotate(rows, folder / "one"))
        if again != fields:
            found.fault("state", "asked again, with what lies in its folder, it says another thing")
        anew = list(spec.load()(config, context).annotate(rows, _made(folder / "two")))
        if not made.files and anew != fields:
            found.fault("seed", "asked twice, it says two things; draw nothing, or from a seed")


def _fields(
    fields: list[dict[str, str]], rows: list[Any], made: Annotator, found: Findings
) -> None:
    if len(fields) != len(rows):
        found.fault("annotate", f"gives {len(fields)} of {len(rows)} rows; one each, in order")
    for number, one in enumerate(fields):
        if set(one) != set(made.columns):
            found.fault(
                "annotate",
                f"row {number} has {', '.join(sorted(one))}, {', '.join(made.columns)} is expected",
            )
            return
        for name, text in one.items():
            if not isinstance(text, str) or any(mark in text for mark in "\t\n\r"):
                found.fault(
                    "annotate",
                    f"row {number}: {name} is {text!r}; text without tabs and line breaks is "
                    "expected",
                )
                return
            if name in made.files and text and not Path(text).exists():
                found.fault("annotate", f"row {number}: {name} names {text}, which is not there")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
