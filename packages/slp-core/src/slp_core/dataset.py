"""Rows as samples: read once, kept within a budget of memory, never stale."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from slp_core.batch import Sample
from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
from slp_core.reading import RowReader
from slp_core.signals import Signal

if TYPE_CHECKING:
    from slp_core.parts import Objective
    from slp_core.pipeline import Pipeline

GIB = 2**30


class SignalCache:
    """Read signals, the least recently used dropped beyond ``gib``.

    An entry holds the size and modification time of its files: an edited clip is read again.
    """

    def __init__(self, gib: float) -> None:
        self.limit = int(gib * GIB)
        self.used = 0
        self._kept: OrderedDict[tuple, dict[str, Signal]] = OrderedDict()
        self._lock = Lock()

    @property
    def full(self) -> bool:
        """Whether another signal would push one out."""
        return self.used >= self.limit * 0.95

    def read(self, reader: RowReader, row: Row) -> dict[str, Signal]:
        """``reader.read(row)``, kept."""
        key = (reader, row.file, row.line, *_stamps(reader, row))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        signals = reader.read(row)
        with self._lock:
            self.used += _bytes(signals) if key not in self._kept else 0
            self._kept[key] = signals
            while self.used > self.limit:
                _, dropped = self._kept.popitem(last=False)
                self.used -= _bytes(dropped)
        return signals


def _stamps(reader: RowReader, row: Row) -> Iterable[tuple[str, int, int]]:
    for file in reader.files(row):
        try:
            stat = file.stat()
        except OSError:
            yield str(file), 0, 0  # the reader says what is wrong with it
        else:
            yield str(file), stat.st_size, stat.st_mtime_ns


def _bytes(signals: dict[str, Signal]) -> int:
    return sum(signal.values.nbytes for signal in signals.values())


@frozen
class BadRow:
    """A row that cannot be used, and why (the reason says where it stands)."""

    row: Row
    reason: str

    def __str__(self) -> str:
        return self.reason


class SampleDataset:
    """The rows of a manifest as samples, by index.

    With a ``reader`` of no stream they are text alone: no signal is asked for, and the length of a
    sample is that of its longest list of token ids.

    Augmentation is drawn from (seed, epoch, index): the order of reading does not matter.
    """

    def __init__(
        self,
        manifest: Manifest,
        pipeline: Pipeline,
        *,
        training: bool = False,
        with_target: bool = True,
        seed: int = 0,
        cache: SignalCache | None = None,
        reader: RowReader | None = None,
    ) -> None:
        data = pipeline.recipe.data
        self.rows: list[Row] = list(manifest)
        self.pipeline = pipeline
        self.reader = reader or pipeline.reader  #: another one may give signals encoded already
        self.objectives: list[Objective] = []
        self.training = training
        self.target = data.target if with_target else None
        self.seed = seed
        self.epoch = 0
        self.cache = SignalCache(data.cache_gib) if cache is None else cache
        self.lengths: list[int] = []  #: steps of each sample, known once probed
        self._tokens: list[dict[str, list[int]]] = []
        signals = [pipeline.recipe.streams[name].signal or "" for name in self.reader.processors]
        manifest.require([*signals, *([self.target] if self.target else [])])

    def __len__(self) -> int:
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def probe(self, progress: Progress | None = None) -> list[BadRow]:
        """Try every row; drop and return those that cannot be used."""
        lengths, bad = probe_rows(self.reader, self.rows, self.target, self.cache, progress)
        self.rows = [row for row in self.rows if row in lengths]
        self.lengths = [lengths[row] for row in self.rows]
        self._tokenise()
        return bad

    def with_objectives(self, objectives: Iterable[Objective]) -> SampleDataset:
        """The same probed rows, with the token ids that these objectives ask for."""
        other = copy(self)
        other.objectives = list(objectives)
        other._tokenise()
        return other

    def _tokenise(self) -> None:
        self._tokens = [self._encode(row) for row in self.rows]
        if not self.reader.processors:
            self.lengths = [max(map(len, ids.values()), default=1) for ids in self._tokens]

    def _encode(self, row: Row) -> dict[str, list[int]]:
        text = None if self.target is None else row.get(self.target)
        ids = self.pipeline.decoder.encode(row, text)
        tokens = {f"decoder.{name}": one for name, one in ids.items()}
        for objective in self.objectives:
            tokens |= objective.encode(row, self.pipeline)
        return tokens

    def __getitem__(self, index: int) -> Sample:
        row = self.rows[index]
        signals = self.cache.read(self.reader, row)
        if self.training:
            signals = {name: self._augment(name, s, index) for name, s in signals.items()}
        tokens = self._tokens[index] if self._tokens else self._encode(row)
        return Sample(row, signals, tokens)

    def _augment(self, stream: str, signal: Signal, index: int) -> Signal:
        processor = self.reader.processors[stream]
        # The same draw for every stream of a sample: they see one camera, one signer.
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return processor.augment(signal, rng)


def probe_rows(
    reader: RowReader,
    rows: Sequence[Row],
    target: str | None,
    cache: SignalCache,
    progress: Progress | None = None,
) -> tuple[dict[Row, int], list[BadRow]]:
    """Try every row, in parallel: the steps of the good ones, and the bad ones with reasons.

    Signals are read into the cache while it has room, and probed as cheaply as their format
    allows after that. ``target``: the column that must not be empty.
    """

    def probe(row: Row) -> BadRow | int:
        try:
            if target is not None and not row.get(target).strip():
                raise UserError(f"{row.where}: the target `{target}` is empty")
            if not reader.processors:
                return 0
            if cache.full:
                return reader.probe(row)
            return max(len(signal.values) for signal in cache.read(reader, row).values())
        except UserError as error:
            return BadRow(row, str(error))

    lengths: dict[Row, int] = {}
    bad: list[BadRow] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (row, found) in enumerate(zip(rows, pool.map(probe, rows), strict=True), start=1):
            if isinstance(found, BadRow):
                bad.append(found)
            else:
                lengths[row] = found
            if progress is not None:
                progress(done, len(rows))
    return lengths, bad


def refuse_bad(bad: Sequence[BadRow], split: str, skip: bool) -> None:
    """Raise a UserError that lists every bad row, unless they are to be skipped."""
    if bad and not skip:
        listed = "\n".join(str(one) for one in bad)
        raise UserError(
            f"{len(bad)} rows of the {split} split cannot be used "
            f"(set data.skip_bad = true, or --skip-bad, to leave them out):\n{listed}"
        )
