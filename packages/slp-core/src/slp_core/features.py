"""Features kept on disk: what a cache of encoded clips can do. Free of torch.

The core knows no cache. A package gives one by implementing the hook ``slp_feature_store``
(slp-encoders does), and whoever needs it calls :func:`open_store`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from slp_core.check import matches
from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_core.hooks import hooks
from slp_core.manifest import Row
from slp_core.reading import RowReader
from slp_core.recipe import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from slp_core.dataset import BadRow
    from slp_core.parts import Encoder
    from slp_core.pipeline import Pipeline
    from slp_core.signals import Processor

#: Called with (clips done, clips, pictures or steps read).
ExtractionProgress = Callable[[int, int, int], None]


@frozen
class Extraction:
    """What an extraction did, counted in clips of a stream."""

    encoded: int
    found: int  #: were there already
    steps: int  #: read from the encoded clips, as pictures
    bad: tuple[BadRow, ...]


class FeatureStore(ABC):
    """Encoded clips in a folder, by content of clip, processor and encoder, and precision."""

    @abstractmethod
    def extract(
        self,
        pipeline: Pipeline,
        streams: Sequence[str],
        rows: Sequence[Row],
        precision: Precision = "float32",
        progress: ExtractionProgress | None = None,
    ) -> Extraction:
        """Encode the rows' clips for these streams, except those that are there."""

    @abstractmethod
    def encode(
        self,
        encoder: Encoder,
        files: Iterable[str | Path],
        processor: Processor,
        precision: Precision = "float32",
        progress: ExtractionProgress | None = None,
    ) -> Iterator[tuple[str, Tensor]]:
        """Encode files, except those that are there: each with its features ``t d``."""

    @abstractmethod
    def reader(
        self, pipeline: Pipeline, streams: Sequence[str], precision: Precision = "float32"
    ) -> RowReader:
        """The pipeline's reader, with these streams read encoded (``Signal.encoded``)."""

    @abstractmethod
    def info(self) -> list[dict[str, Any]]:
        """What is there, as JSON values: one table for each way of encoding (``set``)."""

    @abstractmethod
    def verify(self, progress: Progress | None = None) -> list[str]:
        """Compute every checksum again; say what has changed."""

    @abstractmethod
    def export(
        self,
        out: Path,
        form: Literal["npy", "hdf5"],
        only: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write the clips of a set for other programs, by id; their number."""


def open_store(folder: Path) -> FeatureStore:
    """The feature cache in a folder.

    Raises:
        UserError: no installed package keeps features.
    """
    store = hooks().slp_feature_store(folder=folder)
    if store is None:
        raise UserError("no installed package keeps features; install slp-encoders")
    return store


def frozen_streams(pipeline: Pipeline, after: int = 0) -> list[str]:
    """The streams whose encoder no stage trains or fits, and that are worth keeping encoded.

    Those are streams of files whose encoder has weights, and whose processor draws no random
    variants in training. ``after``: so many stages are over already."""
    stages = pipeline.recipe.stages[after:]
    patterns = [pattern for stage in stages for pattern in (*stage.train, *stage.fit)]
    return [
        name
        for name, processor in pipeline.reader.processors.items()
        if (path := f"streams.{name}.encoder") in pipeline.parts
        and processor.reads_files
        and not processor.augments
        and any(True for _ in pipeline.part(path).parameters())
        and not any(_names(pattern, path) for pattern in patterns)
    ]


def _names(pattern: str, path: str) -> bool:
    """Whether a pattern names a part, or parameters below it (``streams.a.encoder.lora``)."""
    depth = len(path.split("."))
    return matches(".".join(pattern.split(".")[:depth]), path)
