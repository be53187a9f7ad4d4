"""What the tests of encoders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from slp_encoders.trials.checkpoints import CHECKPOINTS


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each of the tiny checkpoints."""
    return {name: tiny.save(tmp_path_factory.mktemp(name)) for name, tiny in CHECKPOINTS.items()}
