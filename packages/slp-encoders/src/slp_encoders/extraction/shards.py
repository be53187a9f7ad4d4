"""A shard: a safetensors file of features ``t d`` by key, and the JSON record beside it.

A shard is named after the hash of its record, and the record holds the hash of the shard: a name
never stands for other bytes, a shard never changes, and two processes that write the same shard
write the same file. The shard is put in its place before its record; what has no record is not
there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from slp_core.errors import UserError
from slp_core.files import content_hash, write_text
from slp_encoders.extraction.keys import canonical

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
#: What is being written, named after who writes it: :func:`sweep` tells what a kill has left.
PART = ".part"
_ABANDONED = 86_400  #: seconds after which another machine's is taken for left
_DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_BEGIN = 512  #: bytes before the numbers of a clip that is written as it is encoded


@frozen
class ClipRecord:
    """One clip's features in a shard."""

    key: str
    ids: tuple[str, ...]  #: of the rows that are this clip
    source: str  #: the file's name, or the text itself
    start: float
    end: float | None
    shape: tuple[int, int]  #: steps, width
    rate: float | None  #: steps a second, None where there is no clock
    sha256: str  #: of the numbers

    @property
    def steps(self) -> int:
        return self.shape[0]


@frozen
class Shard:
    """What the record of a shard says."""

    file: Path
    sha256: str
    encoding: dict[str, Any]
    libraries: dict[str, str]
    clips: dict[str, ClipRecord] = field(repr=False)

    @property
    def record(self) -> Path:
        return self.file.with_suffix(".json")

    @property
    def steps(self) -> int:
        return sum(clip.steps for clip in self.clips.values())

    @property
    def nbytes(self) -> int:
        width = 4 if self.encoding["precision"] == "float32" else 2
        return sum(width * clip.shape[0] * clip.shape[1] for clip in self.clips.values())


def read_record(record: Path) -> Shard:
    """Read a shard's record.

    Raises:
        UserError: it is not as it was written.
        FileNotFoundError: another process has put its clips into a larger shard.
    """
    content = record.read_bytes()
    if hashlib.sha256(content).hexdigest()[:32] != record.stem:
        raise UserError(f"{record}: has changed since it was written")
    facts = json.loads(content)
    if facts["format"] != FORMAT:
        raise UserError(
            f"{record}: is of format {facts['format']}, this slp-encoders reads format {FORMAT}"
        )
    clips = {
        key: ClipRecord(
            key, tuple(one["ids"]), one["source"], one["start"], one["end"],
            tuple(one["shape"]), one["rate"], one["sha256"],
        )
        for key, one in facts["clips"].items()
    }  # fmt: skip
    shard = record.with_suffix(".safetensors")
    return Shard(shard, facts["sha256"], facts["encoding"], facts["libraries"], clips)


def place(
    beside: Path,
    clips: list[ClipRecord],
    encoding: dict[str, Any],
    libraries: dict[str, str],
) -> Shard:
    """Put a finished file in its place among the shards, then write its record."""
    facts = {
        "format": FORMAT,
        "sha256": content_hash(beside),
        "encoding": encoding,
        "libraries": libraries,
        "clips": {
            clip.key: {
                "ids": list(clip.ids), "source": clip.source, "start": clip.start,
                "end": clip.end, "shape": list(clip.shape), "rate": clip.rate,
                "sha256": clip.sha256,
            }
            for clip in sorted(clips, key=lambda one: one.key)
        },
    }  # fmt: skip
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=1) + "\n"
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    file = beside.parent / f"{name}.safetensors"
    beside.chmod(0o644)
    beside.replace(file)
    write_text(file.with_suffix(".json"), text)
    by_key = {clip.key: clip for clip in clips}
    return Shard(file, str(facts["sha256"]), encoding, libraries, by_key)


def new_part(folder: Path) -> Path:
    """An empty file beside the shards, to be put in its place by :func:`place`."""
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f"{socket.gethostname()}.{os.getpid()}."
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=PART, dir=folder)
    os.close(handle)
    return Path(name)


def sweep(folder: Path) -> None:
    """Delete what killed processes have left: half files, and shards without a record."""
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if _is_left(file):
                file.unlink()


def _is_left(file: Path) -> bool:
    old = file.stat().st_mtime < time.time() - _ABANDONED
    if not file.name.endswith(PART):
        alone = file.suffix == ".safetensors" and not file.with_suffix(".json").exists()
        return old and (alone or file.name.startswith("."))
    host, pid, *_ = file.name.removesuffix(PART).rsplit(".", 2)
    if host != socket.gethostname():
        return old
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return old  # somebody else's process
    return False


class RowWriter:
    """One clip's features, written as they are encoded, in the memory of the rows at hand.

    safetensors writes whole tensors only. Its format begins with a header that tells the shape,
    which may be padded with spaces: room is left for it and it is written last.
    """

    def __init__(self, folder: Path, precision: str) -> None:
        self.file = new_part(folder)
        self.precision = precision
        self.steps = self.width = 0
        self._stream = self.file.open("wb")
        self._stream.write(b"\0" * _BEGIN)
        self._digest = hashlib.sha256()

    def append(self, rows: Tensor) -> None:
        """Add rows ``n d``. Raises: ValueError, if one is not finite in this precision."""
        import torch

        rows = rows.to(getattr(torch, self.precision)).cpu().contiguous()
        if not rows.isfinite().all():
            raise ValueError(f"the encoder gives values that are not finite in {self.precision}")
        content = rows.view(torch.uint8).numpy().data
        self._stream.write(content)
        self._digest.update(content)
        self.steps, self.width = self.steps + len(rows), rows.shape[1]

    def close(self, key: str) -> str:
        """Write the header; the SHA-256 of the numbers."""
        size = self._stream.tell() - _BEGIN
        tensor = {
            "dtype": _DTYPES[self.precision],
            "shape": [self.steps, self.width],
            "data_offsets": [0, size],
        }
        header = canonical({key: tensor}).ljust(_BEGIN - 8)
        assert len(header) == _BEGIN - 8
        self._stream.seek(0)
        self._stream.write(len(header).to_bytes(8, "little") + header)
        self._stream.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        self._stream.close()
        self.file.unlink(missing_ok=True)
