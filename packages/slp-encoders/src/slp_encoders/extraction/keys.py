"""What a feature depends on, and the key that stands for all of it.

A key is the SHA-256 of the clip's content and span, and of both parts' identity: class, package
version, source code, configuration, files and tensors, and the precision. Three choices:

- The code is hashed as well as the package's version, which a developer changes more seldom than
  the code: the modules of the part's classes, and those of their package that they import.
- Buffers that are no weights are hashed too: a CLIP's mean and deviation are not in its state.
- What a part saves beside its weights is hashed (``save_assets``): the checkpoint's own
  configuration decides as much as its weights do.

Library versions (torch, PyAV) are recorded beside the features and are no part of the key: they
change the last bits of a number at most.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import frozen
from cattrs import unstructure

from slp_core.files import content_hash, remembered_hash
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
    files: Callable[[Clip], list[Path]]  #: that decide a clip's values

    @classmethod
    def of(cls, processor: Processor, encoder: Encoder, precision: str = "float32") -> Encoding:
        """``precision``: the dtype that is computed in and stored."""
        parts = identity(processor), {**identity(encoder), "tensors": tensors_hash(encoder)}
        return cls(*parts, precision, processor.files)

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
        files = self.files(clip)
        content = [file_hash(file) for file in files] or _hash(clip.source.encode())
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
    """The SHA-256 of a class's source and of all that it is made with: the modules of the classes
    it inherits from, and what these import of their own packages."""
    found: dict[str, Path] = {}
    for one in kind.__mro__:
        if one.__module__.partition(".")[0] not in _FOUNDATIONS:
            _follow(one.__module__, found)
    digest = hashlib.sha256()
    for name, file in sorted(found.items()):
        digest.update(f"{name}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _follow(module: str, found: dict[str, Path]) -> None:
    """Add a module's file, and those of the modules of its package that it imports."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return  # made by hand in a session: there is no file
    if module in found or spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return
    found[module] = Path(spec.origin)
    package = module if spec.submodule_search_locations is not None else spec.parent or ""
    for node in ast.walk(ast.parse(found[module].read_bytes())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = resolve_name("." * node.level + (node.module or ""), package)
            names = [home, *(f"{home}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.partition(".")[0] == module.partition(".")[0]:
                _follow(name, found)


@cache
def package_version(module: str) -> str:
    """``slp-encoders 0.1.0``, or nothing for a module of no installed package."""
    found = packages_distributions().get(module.partition(".")[0], [])
    return f"{found[0]} {version(found[0])}" if found else ""


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, or of the files of a folder.

    Raises:
        SignalError: it cannot be read.
    """
    try:
        return remembered_hash(path)
    except FileNotFoundError:
        raise SignalError(f"{path}: there is no such file") from None
    except OSError as error:
        raise SignalError(f"{path}: cannot be read: {error.strerror}") from error


def canonical(value: Any) -> bytes:
    """JSON with one spelling."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()


def _assets_hash(part: Any) -> str:
    digest = hashlib.sha256()
    with TemporaryDirectory() as folder:
        part.save_assets(Path(folder))
        for file in sorted(one for one in Path(folder).rglob("*") if one.is_file()):
            digest.update(f"{file.relative_to(folder)} {content_hash(file)}\n".encode())
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
