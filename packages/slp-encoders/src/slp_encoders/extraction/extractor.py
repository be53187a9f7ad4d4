"""Clips through encoders into the cache.

A thread decodes and preprocesses, the calling thread runs the networks, and neither waits for
the other while there is work for both. A clip's frames are decoded once for all encoders that
read them through the same processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen
from rich.console import Console
from rich.progress import Progress

from slp_core.dataset import BadRow
from slp_core.errors import UserError
from slp_core.features import Extraction, ExtractionProgress
from slp_core.manifest import Row
from slp_core.parts import Encoder
from slp_core.reading import clip_of
from slp_core.recipe import Precision
from slp_core.signals import Clip, Processor, SignalError
from slp_encoders.extraction.keys import Encoding
from slp_encoders.extraction.prefetch import prefetch
from slp_encoders.extraction.store import FeatureCache
from slp_encoders.extraction.track import Encoded, Track

if TYPE_CHECKING:
    from torch import Tensor

    from slp_core.pipeline import Pipeline

_CHUNK = 8  #: frames handed over at once
_AHEAD = 8  #: chunks decoded ahead of the network


@define(eq=False)
class Wanted:
    """A clip to be encoded: by which encoders, under which keys, for which rows."""

    clip: Clip
    rows: list[Row] = field(factory=list)
    keys: dict[str, str] = field(factory=dict)  #: by encoder

    @property
    def ids(self) -> list[str]:
        return list(dict.fromkeys(row.id for row in self.rows))


@frozen(eq=False)
class Chunk:
    """Some frames ``n ...`` of a clip; the last one tells the rate, or why there are no more."""

    wanted: Wanted
    frames: np.ndarray | None
    rate: float = float("nan")
    reason: str = ""


class Extractor:
    """Encoders that read clips through one processor, and the cache they fill.

    ``encoders`` are on the device they are to run on. ``precision`` is what they compute in,
    and what is stored.
    """

    def __init__(
        self,
        store: FeatureCache,
        processor: Processor,
        encoders: dict[str, Encoder],
        precision: Precision = "float32",
    ) -> None:
        self.store, self.processor, self.encoders = store, processor, encoders
        self.encodings = {
            name: Encoding.of(processor, encoder, precision) for name, encoder in encoders.items()
        }
        self.tracks = {
            name: Track(encoder, precision, self._through) for name, encoder in encoders.items()
        }
        self.steps = self.encoded = self.clips = 0
        self.bad: list[tuple[Wanted, str]] = []

    def keys(self, clip: Clip) -> dict[str, str]:
        """The keys of a clip, by encoder. Raises: SignalError, if its file cannot be read."""
        return {name: encoding.key(clip) for name, encoding in self.encodings.items()}

    def run(self, wanted: Sequence[Wanted], progress: ExtractionProgress | None = None) -> None:
        """Encode clips and keep them. Those that cannot be read are listed in ``bad``."""
        current: dict[str, Encoded] = {}
        for chunk in prefetch(self._decoded(wanted), _AHEAD):
            if not current:
                current = self._begin(chunk.wanted)
            if chunk.frames is not None:
                self.steps += len(chunk.frames)
                for name, clip in current.items():
                    self.tracks[name].feed(clip, chunk.frames)
            else:
                for name, clip in current.items():
                    clip.reason = clip.reason or chunk.reason
                    self.tracks[name].end(clip, chunk.rate)
                current = {}
                self.clips += 1
            if progress is not None:
                progress(self.clips, len(wanted), self.steps)
        for track in self.tracks.values():
            track.flush()

    def _begin(self, wanted: Wanted) -> dict[str, Encoded]:
        return {
            name: Encoded((name, wanted), key, self.store.writer(self.tracks[name].precision))
            for name, key in wanted.keys.items()
        }

    def _decoded(self, wanted: Iterable[Wanted]) -> Iterator[Chunk]:
        for one in wanted:
            try:
                yield from self._chunks(one)
            except SignalError as error:
                yield Chunk(one, None, reason=str(error))

    def _chunks(self, wanted: Wanted) -> Iterator[Chunk]:
        """In the memory of a chunk where the processor reads frame by frame."""
        processor: Any = self.processor
        if hasattr(processor, "frames") and hasattr(processor, "rate"):
            rate = processor.rate(wanted.clip)
            pictures = processor.frames(wanted.clip)  # h w c each
            while some := list(islice(pictures, _CHUNK)):
                yield Chunk(wanted, np.stack(some).transpose(0, 3, 1, 2))
        else:
            signal = processor.read(wanted.clip)
            rate = signal.rate
            for begin in range(0, len(signal.values), _CHUNK):
                yield Chunk(wanted, signal.values[begin : begin + _CHUNK])
        yield Chunk(wanted, None, rate)

    def _through(self, clip: Encoded) -> None:
        name, wanted = clip.clip
        if not clip.reason and not clip.writer.steps:
            clip.reason = "the encoder gives no step"
        if clip.reason:
            clip.writer.discard()
            self.bad.append((wanted, clip.reason))
            return
        encoding = self.encodings[name]
        self.store.put(clip.key, clip.writer, encoding, wanted.clip, wanted.ids, clip.rate)
        self.encoded += 1


def extract_rows(
    store: FeatureCache,
    pipeline: Pipeline,
    streams: Sequence[str],
    rows: Sequence[Row],
    precision: Precision = "float32",
    progress: ExtractionProgress | None = None,
) -> Extraction:
    """Encode what the rows' streams need and the cache has not; see ``FeatureStore.extract``."""
    work = [
        (extractor, *_missing(extractor, column, rows))
        for column, extractor in _extractors(store, pipeline, streams, precision)
    ]
    total = sum(len(wanted) for _, wanted, _, _ in work)
    done = steps = 0
    for extractor, wanted, _, bad in work:

        def tell(clips: int, _: int, read: int, done: int = done, steps: int = steps) -> None:
            if progress is not None:
                progress(done + clips, total, steps + read)

        extractor.run(wanted, tell)
        for one, reason in extractor.bad:
            bad += [BadRow(row, f"{row.where}: {reason}") for row in one.rows]
        done, steps = done + len(wanted), steps + extractor.steps
    if total:  # else the folder may be one that is only read
        store.pack()
    return Extraction(
        encoded=sum(extractor.encoded for extractor, *_ in work),
        found=sum(found for _, _, found, _ in work),
        steps=steps,
        bad=tuple({(one.row, one.reason): one for *_, bad in work for one in bad}.values()),
    )


def _extractors(
    store: FeatureCache, pipeline: Pipeline, streams: Sequence[str], precision: Precision
) -> Iterator[tuple[str, Extractor]]:
    """One for each signal and processor, with all encoders that read it."""
    groups: dict[tuple[str, Any], list[str]] = {}
    for name in streams:
        processor = pipeline.reader.processors[name]
        signal = pipeline.recipe.streams[name].signal or ""
        groups.setdefault((signal, (type(processor), repr(processor.config))), []).append(name)
    for (column, _), names in groups.items():
        encoders = {name: pipeline.part(f"streams.{name}.encoder") for name in names}
        processor = pipeline.reader.processors[names[0]]
        yield column, Extractor(store, processor, encoders, precision)


def _missing(
    extractor: Extractor, column: str, rows: Sequence[Row]
) -> tuple[list[Wanted], int, list[BadRow]]:
    """The clips that are not in the cache, how many are, and the rows that mean none."""
    clips: dict[Clip, Wanted] = {}
    bad: list[BadRow] = []
    for row in rows:
        try:
            clip = clip_of(row, column, extractor.processor)
            keys = extractor.keys(clip)
        except SignalError as error:
            bad.append(BadRow(row, f"{row.where}: {column}: {error}"))
            continue
        clips.setdefault(clip, Wanted(clip, keys=keys)).rows.append(row)
    seen: set[str] = set()
    wanted, found = [], 0
    for one in clips.values():
        keys = {n: key for n, key in one.keys.items() if key not in extractor.store}
        found += len(one.keys) - len(keys)
        one.keys = {n: key for n, key in keys.items() if key not in seen}
        seen |= set(keys.values())
        if one.keys:
            wanted.append(one)
    return wanted, found, bad


def encode_files(
    store: FeatureCache,
    encoder: Encoder,
    files: Iterable[str | Path],
    processor: Processor,
    precision: Precision = "float32",
    progress: ExtractionProgress | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """See ``Encoder.extract``."""
    extractor = Extractor(store, processor, {"": encoder}, precision)
    names = [str(file) for file in files]
    keys = {name: extractor.keys(Clip(name))[""] for name in names}
    first = {key: name for name, key in reversed(keys.items())}
    missing = [key for key in dict.fromkeys(keys.values()) if key not in store]
    rows = {key: Row({"id": Path(first[key]).stem}, Path(), 0) for key in missing}
    wanted = [Wanted(Clip(first[key]), [rows[key]], {"": key}) for key in missing]
    with Progress(console=Console(stderr=True), disable=progress is not None) as bar:
        task = bar.add_task("encoding", total=len(wanted))
        extractor.run(wanted, progress or (lambda done, *_: bar.update(task, completed=done)))
    if wanted:
        store.pack()
    if extractor.bad:
        raise UserError("\n".join(reason for _, reason in extractor.bad))
    for name in names:
        yield name, store.read(keys[name])
