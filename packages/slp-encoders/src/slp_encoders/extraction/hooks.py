"""The verbs this package adds to a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.hooks import hookimpl

if TYPE_CHECKING:
    from slp_encoders.extraction.store import FeatureCache


@hookimpl
def slp_feature_store(folder: Path) -> FeatureCache:
    from slp_encoders.extraction.store import FeatureCache

    return FeatureCache(folder)
