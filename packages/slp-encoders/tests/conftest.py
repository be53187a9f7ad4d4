"""What the tests of this package share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real clips: ``../shared/data`` beside the repository, or ``SLP_SHARED_DATA``."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("SLP_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the real data are not at {folder} (SLP_SHARED_DATA says otherwise)")
    return folder
