"""What a feature depends on, and the key that stands for all of it.

A key is the SHA-256 of the clip's content and span, and of both parts' identity: class, package
version, source code, configuration, files and tensors, and the precision. Three choices:

- The code is hashed as well as the package's version, which a developer changes more seldom than
  the code: the Python files of the folders in which the part's classes stand.
- Buffers that are no weights are hashed too: a CLIP's mean and deviation are not in its state.
- What a part saves beside its weights is hashed (``save_assets``): the checkpoint's own
  configuration decides as much as its weights do.

Library versions (torch, PyAV) are recorded beside the features and are no part of the key: they
change the last bits of a number at most.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cattrs import unstructure

from slp_core.files import content_hash
from slp_core.signals import Clip, Processor, SignalError

if TYPE_CHECKING:
    from torch import nn

    from slp_core.parts import Encoder

#: Recorded with every shard.
LIBRARIES = ("av", "numpy", "safetensors", "torch", "transformers")
#: Their classes are no part's own.
_FOUNDATIONS = {"abc", "builtins", "slp_core", "torch"}


@frozen
class Encoding:
    """How clips become features: everything a feature depends on, except its clip."""

    processor: dict[str, Any]
    encoder: dict[str, Any]
    precision: str
    reads_files: bool = True

    @classmethod
    def of(cls, processor: Processor, encoder: Encoder, precision: str = "float32") -> Encoding:
        """``precision``: the dtype that is computed in and stored."""
        parts = identity(processor), {**identity(encoder), "tensors": tensors_hash(encoder)}
        return cls(*parts, precision, processor.reads_files)

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "processor": self.processor,
            "encoder": self.encoder,
            "precision": self.precision,
        }

    def key(self, clip: Clip) -> str:
        """The key of a clip encoded this way.

        Raises:
            SignalError: the clip's file cannot be read.
        """
        content = clip_hash(clip) if self.reads_files else _hash(clip.source.encode())
        span = {"content": content, "start": float(clip.start), "end": clip.end}
        return _hash(canonical([span, self.facts()]))


def identity(part: Any) -> dict[str, Any]:
    """What makes a processor or encoder itself, tensors aside, as JSON values."""
    kind: type = type(part)
    return {
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "version": package_version(kind.__module__),
        "code": code_hash(kind),
        "config": json.loads(canonical(unstructure(part.config))),
        "assets": _assets_hash(part),
    }


def tensors_hash(module: nn.Module) -> str:
    """The SHA-256 of all parameters and buffers: names, dtypes, shapes and bytes."""
    import torch

    digest = hashlib.sha256()
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, tensor in sorted(named.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


@cache
def code_hash(kind: type) -> str:
    """The SHA-256 of the source files beside a class and beside those it inherits from."""
    files: set[Path] = set()
    for one in kind.__mro__:
        if one.__module__.partition(".")[0] in _FOUNDATIONS:
            continue
        try:
            file = Path(inspect.getfile(one))
        except (OSError, TypeError):
            continue  # made by hand in a session: there is no file
        files |= set(file.parent.glob("*.py")) if "." in one.__module__ else {file}
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: (one.parent.name, one.name)):
        digest.update(f"{file.parent.name}/{file.name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def package_version(module: str) -> str:
    """``slp-encoders 0.1.0``, or nothing for a module of no installed package."""
    found = packages_distributions().get(module.partition(".")[0], [])
    return f"{found[0]} {version(found[0])}" if found else ""


def clip_hash(clip: Clip) -> str:
    """The SHA-256 of a clip's file, or of the files of its folder; a file's is computed again
    only if the file has changed.

    Raises:
        SignalError: the file cannot be read.
    """
    try:
        path = Path(clip.source)
        if not path.is_dir():
            return _stamped_hash(path)
        digest = hashlib.sha256()
        for file in sorted(one for one in path.glob("[!.]*") if one.is_file()):
            digest.update(f"{file.name} {_stamped_hash(file)}\n".encode())
        return digest.hexdigest()
    except FileNotFoundError:
        raise SignalError(f"{clip.source}: there is no such file") from None
    except OSError as error:
        raise SignalError(f"{clip.source}: cannot be read: {error.strerror}") from error


def canonical(value: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()


def _stamped_hash(file: Path) -> str:
    stat = file.stat()
    return _file_hash(file, stat.st_size, stat.st_mtime_ns)


@cache
def _file_hash(file: Path, size: int, changed: int) -> str:
    return content_hash(file)


def _assets_hash(part: Any) -> str:
    digest = hashlib.sha256()
    with TemporaryDirectory() as folder:
        part.save_assets(Path(folder))
        for file in sorted(one for one in Path(folder).rglob("*") if one.is_file()):
            digest.update(f"{file.relative_to(folder)} {content_hash(file)}\n".encode())
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
