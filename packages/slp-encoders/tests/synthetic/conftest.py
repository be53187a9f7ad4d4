"""A signer without habits, and one small corpus for all tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from slp_encoders.synthetic import synthesize
from slp_encoders.synthetic.signer import Signer, signers


@pytest.fixture(scope="session")
def signer() -> Signer:
    """Right-handed, facing a level camera, never out of tracking."""
    drawn = signers(0)["train"][0]
    return evolve(drawn, left_handed=False, roll=0.0, yaw=0.0, dropout=0.0, centre=(0.5, 0.45))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Poses of 100 samples."""
    out = tmp_path_factory.mktemp("synthetic") / "corpus"
    return synthesize(out, 100, seed=7, video=False, workers=1)


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Poses and videos of ten samples."""
    out = tmp_path_factory.mktemp("synthetic") / "filmed"
    return synthesize(out, 10, seed=3, workers=1)
