"""The feature cache: a folder of shards that only ever grows.

Every finished clip is at once a shard of its own, and small shards are put together when there
are many. So at every instant a clip is wholly in the cache or not at all, a kill loses at most
the clips in hand, and the index is nothing but the records in the folder: there is no file that
two processes write. One process at a time puts a shard in its place or puts shards together;
readers wait for nobody. A clip that two processes encode is there twice, which harms nobody, until
shards are put together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve
from filelock import FileLock

from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_core.features import Extraction, ExtractionProgress, FeatureStore
from slp_core.manifest import Row
from slp_core.reading import RowReader
from slp_core.recipe import Precision
from slp_core.signals import Clip, Processor
from slp_encoders.extraction.keys import LIBRARIES, Encoding, canonical
from slp_encoders.extraction.shards import (
    ClipRecord,
    RowWriter,
    Shard,
    new_part,
    place,
    read_record,
    sweep,
)

if TYPE_CHECKING:
    from torch import Tensor

    from slp_core.parts import Encoder
    from slp_core.pipeline import Pipeline

MOST_CLIPS = 512  #: in a shard
MOST_BYTES = 2**26  #: in a shard of several clips


class FeatureCache(FeatureStore):
    """The features in a folder. Made where there is none; read by any number of processes."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.shards: dict[str, Shard] = {}  #: by record name, once read
        self._index: dict[str, Shard] | None = None  #: by key
        self._open: dict[Path, Any] = {}
        self._checked: set[str] = set()
        self._small: list[int] = []  #: bytes of the shards of one clip written since the last pack
        self._lock = RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    # -- reading -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """See what other processes have added or put together.

        Raises:
            UserError: a record has changed since it was written.
        """
        with self._lock:
            there = {file.stem: file for file in self.folder.glob("*.json")}
            for name in self.shards.keys() - there.keys():
                del self.shards[name]
            for name in sorted(there.keys() - self.shards.keys()):
                with contextlib.suppress(FileNotFoundError):
                    self.shards[name] = read_record(there[name])
            self._index = {
                key: shard for _, shard in sorted(self.shards.items()) for key in shard.clips
            }

    @property
    def _places(self) -> dict[str, Shard]:
        if self._index is None:
            self.refresh()
        assert self._index is not None
        return self._index

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._places))

    def record(self, key: str) -> ClipRecord:
        """What is known of a clip's features. Raises: KeyError."""
        return self._places[key].clips[key]

    def read(self, key: str) -> Tensor:
        """A clip's features ``t d``, mapped from the file. Its checksum is computed when a
        process first reads it.

        Raises:
            KeyError: there are none.
            UserError: they have changed since they were written.
        """
        with self._lock:
            while True:
                if key not in self._places:
                    self.refresh()
                shard = self._places[key]
                try:
                    values = self._tensor(key)
                    break
                except FileNotFoundError:  # another process has put the shard into a larger one
                    self.refresh()
                    if self._places.get(key) is shard:
                        raise self._damaged(key, "its file is not there") from None
            if key not in self._checked:
                self._check(key, values)
                self._checked.add(key)
        return values

    def _tensor(self, key: str) -> Tensor:
        from safetensors import SafetensorError, safe_open

        shard = self._places[key]
        try:
            if shard.file not in self._open:
                self._open[shard.file] = safe_open(shard.file, framework="pt")
            return self._open[shard.file].get_tensor(key)
        except SafetensorError as error:
            raise self._damaged(key, str(error)) from error
        except (
            RuntimeError
        ):  # safe_open opens the file, then torch does, and it may be gone between
            if shard.file.exists():
                raise
            raise FileNotFoundError(shard.file) from None

    def _check(self, key: str, values: Tensor) -> None:
        clip = self.record(key)
        if tuple(values.shape) != clip.shape or numbers_hash(values) != clip.sha256:
            raise self._damaged(key, "its numbers have changed since they were written")

    def _damaged(self, key: str, reason: str) -> UserError:
        shard, clip = self._places[key], self.record(key)
        return UserError(
            f"{shard.file}: the features of {named(clip)} are damaged: {reason}; "
            f"delete the shard and {shard.record.name}, and extract again"
        )

    # -- writing -----------------------------------------------------------------------------

    def writer(self, precision: str) -> RowWriter:
        """Where one clip's rows are written to; :meth:`put` keeps them."""
        return RowWriter(self.folder, precision)

    def put(
        self,
        key: str,
        writer: RowWriter,
        encoding: Encoding,
        clip: Clip,
        ids: Sequence[str],
        rate: float,
    ) -> None:
        """Keep what was written, as a shard of one clip; put shards together when it is time."""
        numbers = writer.close(key)
        clip_record = ClipRecord(
            key,
            tuple(ids),
            Path(clip.source).name if encoding.files(clip) else clip.source,
            float(clip.start),
            clip.end,
            (writer.steps, writer.width),
            None if rate != rate else rate,
            numbers,
        )
        with self._changing():
            shard = place(writer.file, [clip_record], encoding.facts(), libraries())
        with self._lock:
            self.shards[shard.file.stem] = shard
            self._places[key] = shard
        self._small.append(shard.nbytes)
        if len(self._small) >= MOST_CLIPS or sum(self._small) >= MOST_BYTES:
            self.pack()

    def pack(self) -> None:
        """Put small shards together, and drop clips that are there twice.

        A shard is deleted only after the larger one that holds its clips is in its place."""
        self._small = []
        if not self.folder.is_dir():
            return
        with self._changing():
            self.refresh()
            sweep(self.folder)
            alike: defaultdict[bytes, list[Shard]] = defaultdict(list)
            for _, shard in sorted(self.shards.items()):
                if len(shard.clips) < MOST_CLIPS and shard.nbytes < MOST_BYTES:
                    alike[canonical([shard.encoding, shard.libraries])].append(shard)
            for shards in alike.values():
                for some in _portions(shards):
                    self._join(some)
        self.refresh()

    def _changing(self) -> FileLock:
        """Held while shards are added or taken away. Without it, a process that puts in place a
        shard that another has just joined and deletes would keep the record and lose the file."""
        return FileLock(self.folder / "writing.lock")

    def _join(self, shards: list[Shard]) -> None:
        from safetensors.torch import save_file

        ids: defaultdict[str, list[str]] = defaultdict(list)
        clips: dict[str, ClipRecord] = {}
        for shard in shards:
            for key, clip in shard.clips.items():
                ids[key] += [one for one in clip.ids if one not in ids[key]]
                clips[key] = evolve(clip, ids=tuple(ids[key]))
        values = {key: self.read(key) for key in clips}
        part = new_part(self.folder)
        try:
            save_file(values, part)
            first = shards[0]
            joined = place(part, list(clips.values()), first.encoding, first.libraries)
        finally:
            part.unlink(missing_ok=True)
        del values
        for shard in shards:
            if shard.file != joined.file:
                self._open.pop(shard.file, None)
                shard.record.unlink(missing_ok=True)
                shard.file.unlink(missing_ok=True)

    # -- the contract ------------------------------------------------------------------------

    def extract(
        self,
        pipeline: Pipeline,
        streams: Sequence[str],
        rows: Sequence[Row],
        precision: Precision = "float32",
        progress: ExtractionProgress | None = None,
    ) -> Extraction:
        from slp_encoders.extraction.extractor import extract_rows

        return extract_rows(self, pipeline, streams, rows, precision, progress)

    def encode(
        self,
        encoder: Encoder,
        files: Iterable[str | Path],
        processor: Processor,
        precision: Precision = "float32",
        progress: ExtractionProgress | None = None,
    ) -> Iterator[tuple[str, Tensor]]:
        from slp_encoders.extraction.extractor import encode_files

        return encode_files(self, encoder, files, processor, precision, progress)

    def reader(
        self, pipeline: Pipeline, streams: Sequence[str], precision: Precision = "float32"
    ) -> RowReader:
        from slp_encoders.extraction.stored import StoredFeatures

        stored = {}
        for name in streams:
            processor = pipeline.reader.processors[name]
            encoding = Encoding.of(processor, pipeline.part(f"streams.{name}.encoder"), precision)
            stored[name] = StoredFeatures(self, encoding)
        return RowReader(pipeline.recipe, {**pipeline.reader.processors, **stored})

    def info(self) -> list[dict[str, Any]]:
        found = []
        for name, shards in self.sets().items():
            keys = {key: shard.clips[key] for shard in shards for key in shard.clips}
            encoding = shards[0].encoding
            found.append(
                {
                    "set": name,
                    "clips": len(keys),
                    "steps": sum(clip.steps for clip in keys.values()),
                    "width": next(iter(keys.values())).shape[1],
                    "bytes": sum(shard.nbytes for shard in shards),
                    "shards": len(shards),
                    **encoding,
                    "libraries": [json.loads(one) for one in sorted(
                        {json.dumps(shard.libraries, sort_keys=True) for shard in shards})],
                }
            )  # fmt: skip
        return found

    def sets(self) -> dict[str, list[Shard]]:
        """The shards of each way of encoding, by the first digits of its hash."""
        self.refresh()
        sets: defaultdict[str, list[Shard]] = defaultdict(list)
        for shard in self.shards.values():
            sets[hashlib.sha256(canonical(shard.encoding)).hexdigest()[:8]].append(shard)
        return dict(sorted(sets.items()))

    def verify(self, progress: Progress | None = None) -> list[str]:
        from slp_encoders.extraction.verify import verify

        return verify(self.folder, progress)

    def export(
        self,
        out: Path,
        form: Literal["npy", "hdf5"],
        only: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        from slp_encoders.extraction.export import export

        return export(self, out, form, only, progress)


def libraries() -> dict[str, str]:
    """The versions features are made with."""
    found = {}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def numbers_hash(values: Tensor) -> str:
    """The SHA-256 of a tensor's bytes."""
    import torch

    return hashlib.sha256(values.contiguous().view(torch.uint8).numpy().data).hexdigest()


def _portions(shards: list[Shard]) -> list[list[Shard]]:
    """Shards that fit into one, in turn; none where there is nothing to put together."""
    portions: list[list[Shard]] = [[]]
    clips = size = 0
    for shard in shards:
        clips, size = clips + len(shard.clips), size + shard.nbytes
        if portions[-1] and (clips > MOST_CLIPS or size > MOST_BYTES):
            portions.append([])
            clips, size = len(shard.clips), shard.nbytes
        portions[-1].append(shard)
    return [some for some in portions if len(some) > 1]


def named(clip: ClipRecord) -> str:
    end = "" if clip.end is None else f"{clip.end:g}"
    span = f" ({clip.start:g}-{end} ms)" if clip.start or end else ""
    return f"{', '.join(clip.ids) or 'a clip'} of {clip.source}{span}"
