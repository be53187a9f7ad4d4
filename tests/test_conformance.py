"""Every built-in part is held to what its kind promises, and the specs to importing nothing."""

from __future__ import annotations

import pytest

from slp_core import registry
from slp_core.testing import examine, heavy_imports

OURS = ("slp-cli", "slp-core", "slp-encoders", "slp-fusion", "slp-llm", "slp-train")
ENTRIES = [entry for entry in registry.entries() if entry.distribution in OURS]


@pytest.fixture(scope="module", autouse=True)
def imports():
    """All modules of specs in one interpreter."""
    heavy_imports(entry.entry_point.module for entry in ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: f"{one.kind}-{one.name}")
def test_it_conforms(entry, tmp_path):
    found = examine(entry.load(), tmp_path)
    assert found.faults == []
    assert found.who == f'{entry.kind} "{entry.name}" of {entry.distribution} {entry.version}'
