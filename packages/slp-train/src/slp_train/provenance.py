"""What a result was made with: versions, plugins, git state, data and seeds."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slp_core.check import Plan
from slp_core.files import write_text
from slp_core.hooks import hooks
from slp_core.manifest import Manifest

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

PROVENANCE = "provenance.json"
_LIBRARIES = ("torch", "transformers", "accelerate", "peft", "tokenizers", "numpy", "sacrebleu")


def write_provenance(
    folder: Path, plan: Plan, pipeline: Pipeline, manifests: dict[str, Manifest]
) -> None:
    """Write ``provenance.json`` of a run: with where the command was called, from which a relative
    ``data.root`` counts, as seen from the run's folder."""
    facts = collect(plan, pipeline, manifests)
    facts["called_from"] = os.path.relpath(Path.cwd(), folder.resolve())
    write_text(folder / PROVENANCE, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def collect(plan: Plan, pipeline: Pipeline, manifests: dict[str, Manifest]) -> dict[str, Any]:
    """The facts, as plain JSON values."""
    parts = {
        path: {"part": node.name, "package": node.entry.distribution, "version": node.entry.version}
        for path, node in plan.nodes.items()
    }
    data = {
        split: {"file": str(one.file), "rows": len(one), "sha256": one.hash}
        | _signing(one, manifests.get("train"))
        | ({"annotations": one.annotations} if one.annotations else {})
        for split, one in manifests.items()
    }
    extra: dict[str, str] = {}
    for facts in hooks().slp_provenance():
        extra |= facts
    return {
        "recipe": plan.recipe.header.name,
        "paper": plan.recipe.header.paper,
        "seed": plan.recipe.header.seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "parts": parts,
        "parameters": sum(p.numel() for p in pipeline.parameters()),
        "data": data,
        "git": _git(),
        "plugins": extra,
    }


def _signing(manifest: Manifest, train: Manifest | None) -> dict[str, Any]:
    """Who signs, what is signed and what it is translated into, as far as every row says."""
    found: dict[str, Any] = {}
    if signers := _values(manifest, "signer"):
        found["signers"] = len(signers)
        known = _values(train, "signer")
        if known and manifest is not train:
            found["new_signers"] = len(signers - known)  # who do not sign in training
    for column in ("sign_language", "language"):
        if values := _values(manifest, column):
            found[f"{column}s"] = sorted(values)
    return found


def _values(manifest: Manifest | None, column: str) -> set[str]:
    if manifest is None or column not in manifest.columns:
        return set()
    values = set(manifest.column(column))
    return set() if "" in values else values  # of some rows alone, it would be half known


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Commit of the folder the command runs in, and whether it has uncommitted changes."""
    try:
        commit = _run("git", "rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_run("git", "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or no repository: a run is as good without


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
