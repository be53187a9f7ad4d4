"""Rows as samples: read once, kept within a budget of memory, never stale."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen

from slp_core.batch import Sample
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
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

    def read(self, pipeline: Pipeline, row: Row) -> dict[str, Signal]:
        """``pipeline.read(row)``, kept."""
        key = (row.file, row.line, *_stamps(pipeline, row))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        signals = pipeline.read(row)
        with self._lock:
            self.used += _bytes(signals) if key not in self._kept else 0
            self._kept[key] = signals
            while self.used > self.limit:
                _, dropped = self._kept.popitem(last=False)
                self.used -= _bytes(dropped)
        return signals


def _stamps(pipeline: Pipeline, row: Row) -> Iterable[tuple[str, int, int]]:
    for file in files_of(pipeline, row):
        try:
            stat = os.stat(file)
        except OSError:
            yield str(file), 0, 0  # the reader says what is wrong with it
        else:
            yield str(file), stat.st_size, stat.st_mtime_ns


def files_of(pipeline: Pipeline, row: Row) -> list[Path]:
    """The files a row's signals are read from."""
    files = []
    for name, stream in pipeline.recipe.streams.items():
        if stream.signal and row.get(stream.signal):
            if pipeline.processors[f"streams.{name}.processor"].reads_files:
                files.append(row.path(stream.signal))
    return list(dict.fromkeys(files))


def _bytes(signals: dict[str, Signal]) -> int:
    return sum(signal.values.nbytes for signal in signals.values())


@frozen
class BadRow:
    """A row that cannot be used, and why."""

    row: Row
    reason: str

    def __str__(self) -> str:
        return self.reason if self.reason.startswith(self.row.where) else (
            f"{self.row.where}: {self.reason}"
        )  # fmt: skip


class SampleDataset:
    """The rows of a manifest as samples, by index.

    Augmentation is drawn from (seed, epoch, index): the order of reading does not matter.
    """

    def __init__(
        self,
        manifest: Manifest,
        pipeline: Pipeline,
        objectives: Iterable[Objective] = (),
        *,
        training: bool = False,
        with_target: bool = True,
        seed: int = 0,
        cache: SignalCache | None = None,
    ) -> None:
        data = pipeline.recipe.data
        self.rows: list[Row] = list(manifest)
        self.pipeline = pipeline
        self.objectives = list(objectives)
        self.training = training
        self.target = data.target if with_target else None
        self.seed = seed
        self.epoch = 0
        self.cache = SignalCache(data.cache_gib) if cache is None else cache
        self.lengths: list[int] = []
        self._tokens: list[dict[str, list[int]]] = []
        signals = [s.signal for s in pipeline.recipe.streams.values() if s.signal is not None]
        manifest.require([*signals, *([self.target] if self.target else [])])

    def __len__(self) -> int:
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def probe(self, progress: Callable[[int, int], None] | None = None) -> list[BadRow]:
        """Read and tokenise every row in parallel; drop and return those that cannot be used.

        What fits the cache need not be read again. ``lengths`` holds the steps of each sample.
        """
        bad: list[BadRow] = []
        kept: list[Row] = []
        self.lengths, self._tokens = [], []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done, (row, found) in enumerate(
                zip(self.rows, pool.map(self._probe, self.rows), strict=True), start=1
            ):
                if isinstance(found, BadRow):
                    bad.append(found)
                else:
                    kept.append(row)
                    self.lengths.append(found[0])
                    self._tokens.append(found[1])
                if progress is not None:
                    progress(done, len(self.rows))
        self.rows = kept
        return bad

    def _probe(self, row: Row) -> BadRow | tuple[int, dict[str, list[int]]]:
        try:
            if self.target is not None and not row.get(self.target).strip():
                raise UserError(f"the target `{self.target}` is empty")
            signals = self.cache.read(self.pipeline, row)
            return max(len(s.values) for s in signals.values()), self._encode(row)
        except UserError as error:
            return BadRow(row, str(error))

    def _encode(self, row: Row) -> dict[str, list[int]]:
        ids = self.pipeline.decoder.encode(row, self.target)
        tokens = {f"decoder.{name}": one for name, one in ids.items()}
        for objective in self.objectives:
            tokens |= objective.encode(row, self.pipeline)
        return tokens

    def __getitem__(self, index: int) -> Sample:
        row = self.rows[index]
        signals = self.cache.read(self.pipeline, row)
        if self.training:
            signals = {name: self._augment(name, s, index) for name, s in signals.items()}
        tokens = self._tokens[index] if self._tokens else self._encode(row)
        return Sample(row, signals, tokens)

    def _augment(self, stream: str, signal: Signal, index: int) -> Signal:
        processor = self.pipeline.processors[f"streams.{stream}.processor"]
        # The same draw for every stream of a sample: they see one camera, one signer.
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return processor.augment(signal, rng)


def refuse_bad(bad: Sequence[BadRow], split: str, skip: bool) -> None:
    """Raise a UserError that lists every bad row, unless they are to be skipped."""
    if bad and not skip:
        listed = "\n".join(str(one) for one in bad)
        raise UserError(
            f"{len(bad)} rows of the {split} split cannot be used "
            f"(set data.skip_bad = true, or --skip-bad, to leave them out):\n{listed}"
        )
