"""The synthetic sign language of :mod:`slp_encoders.synthetic`, as a corpus."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_encoders.synthetic import synthesize


class Synthetic(Corpus):
    """Made, not imported: see :func:`slp_encoders.synthetic.synthesize`."""

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        config = self.config
        return synthesize(
            folder,
            config.samples,
            config.seed,
            video=config.video,
            names=config.names,
            distinct_names=config.distinct_names,
            unseen_names=config.unseen_names,
            progress=progress,
        )
