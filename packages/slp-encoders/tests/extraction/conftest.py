"""Films to encode."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import toys


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    return toys.write_films(tmp_path / "films", *[1 + (7 * n) % 11 for n in range(40)])
