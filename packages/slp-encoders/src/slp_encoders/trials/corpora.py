"""Corpora that can be made without official files."""

from __future__ import annotations

from pathlib import Path

from slp_core.testing import Trial


def synthetic(folder: Path) -> Trial:
    return Trial(config={"samples": 10, "video": False})
