"""Which packages a saved pipeline's parts come from, kept beside it. No torch."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from slp_core import registry
from slp_core.check import Plan
from slp_core.errors import UserError
from slp_core.files import write_text
from slp_core.inner import Inner, inner_parts

FILE = "parts.json"


def write_parts(plan: Plan, folder: Path) -> None:
    """Write what every part is and which version of which package registers it, by path."""
    found: dict[str, dict[str, str]] = {}
    for path, node in plan.nodes.items():
        found[path] = _said(node.entry)
        found |= _inside(path, node.config)
    write_text(folder / FILE, json.dumps(found, indent=1) + "\n")


def _inside(path: str, config: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name in inner_parts(type(config)):
        inner: Inner | None = getattr(config, name)
        if inner is not None:
            found[f"{path}.{name}"] = _said(registry.find(inner.spec.kind, inner.name))
            found |= _inside(f"{path}.{name}", inner.config)
    return found


def _said(entry: registry.Entry) -> dict[str, str]:
    return {"kind": entry.kind, "part": entry.name, "package": entry.distribution,
            "version": entry.version}  # fmt: skip


def missing_packages(folder: Path) -> list[str]:
    """What a saved pipeline's parts need and is not installed, a line a package.

    Raises:
        UserError: the file holds something else.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    needed: dict[str, list[str]] = {}
    try:
        for path, one in json.loads(file.read_text(encoding="utf-8")).items():
            what = f'{path} (the {one["kind"]} "{one["part"]}")'
            needed.setdefault(f"{one['package']} {one['version']}", []).append(what)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{file}: is damaged: {error}") from error
    return [
        f"it was saved with {package}, which is not installed and registers {', '.join(parts)}"
        for package, parts in needed.items()
        if not _is_installed(package.rpartition(" ")[0])
    ]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True
