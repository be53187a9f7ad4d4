"""Docstrings are written in reStructuredText; the site reads Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe


def prose(docstring: str) -> str:
    """Code and roles (``:meth:`~slp_core.parts.Part.fit```) as Markdown's code."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", docstring.replace("``", "`"))


class Roles(griffe.Extension):
    """For the Python API, as mkdocstrings renders it."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = prose(obj.docstring.value)
