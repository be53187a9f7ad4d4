"""Names a package offers, imported when they are asked for (PEP 562).

They stand once, in the package's stub ``__init__.pyi``, which type checkers read: ::

    from .parts import Encoder as Encoder
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def homes(init: str) -> dict[str, str]:
    """The submodule that each name lives in, as the stub beside a package's ``init`` file says."""
    stub = ast.parse(Path(init).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def attributes(package: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__``: ``home`` tells the submodule each name lives in."""

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return get
