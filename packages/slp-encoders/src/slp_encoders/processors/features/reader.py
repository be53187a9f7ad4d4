"""Stored features. Only the steps of the clip's span are read from the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from slp_core.errors import did_you_mean
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.processors.clips import frames_of_span, reading
from slp_encoders.processors.features.spec import FeaturesConfig

_FLOATS = {"float16", "float32", "float64", "F16", "F32", "F64"}


class FeaturesReader(Processor):
    """A ``.npy`` or ``.safetensors`` matrix to ``t d`` float32."""

    config: FeaturesConfig

    def read(self, clip: Clip) -> Signal:
        config, source = self.config, clip.source
        with reading(source) as path, _matrix(path, config.key) as (matrix, shape, dtype):
            span = self._span(clip, shape, dtype)
            taken = matrix[span] if config.axis == 0 else matrix[:, span].T  # (t, d)
            with np.errstate(over="ignore"):  # an infinite value is found below
                values = np.array(taken[:: config.stride], np.float32, order="C")
        if not np.isfinite(values).all():
            step = span.start + config.stride * int(np.nonzero(~np.isfinite(values))[0][0])
            raise SignalError(f"{source}: step {step} holds a value that is not finite")
        rate = float("nan") if config.rate is None else config.rate / config.stride
        return Signal(values, rate)

    def _span(self, clip: Clip, shape: tuple[int, ...], dtype: str) -> slice:
        config, source = self.config, clip.source
        if len(shape) != 2:
            raise SignalError(f"{source}: holds an array of shape {shape}, time and width expected")
        if dtype not in _FLOATS:
            raise SignalError(f"{source}: holds {dtype}, float16, float32 or float64 expected")
        steps, width = shape[config.axis], shape[1 - config.axis]
        if width != config.width:
            other = f"; shape {shape}: is axis = {1 - config.axis} meant?"
            hint = other if steps == config.width else ""
            raise SignalError(
                f"{source}: holds {width} features a step, "
                f"width = {config.width} was declared{hint}"
            )
        if steps == 0:
            raise SignalError(f"{source}: holds no step")
        if config.rate is None:
            if clip.start > 0 or clip.end is not None:
                raise SignalError(
                    f"{source}: the row has a span, but nothing says how many steps a second "
                    "are stored; write rate"
                )
            return slice(0, steps)
        return frames_of_span(clip, steps, config.rate)


@contextmanager
def _matrix(path: Path, key: str | None) -> Iterator[tuple[Any, tuple[int, ...], str]]:
    """What can be sliced, its shape and its dtype; nothing of it is in memory yet."""
    if path.suffix == ".npy":
        if key is not None:
            raise SignalError(f'{path}: a .npy file has no keys, key = "{key}" was written')
        yield from _npy(path)
    elif path.suffix == ".safetensors":
        yield from _safetensors(path, key)
    else:
        raise SignalError(f"{path}: {path.suffix or 'no suffix'}, .npy or .safetensors expected")


def _npy(path: Path) -> Iterator[tuple[Any, tuple[int, ...], str]]:
    # NumPy evaluates the header as Python literals and raises whatever that raises.
    with reading(str(path), Exception):
        array = np.lib.format.open_memmap(path, mode="r")
    yield array, array.shape, array.dtype.newbyteorder("=").name


def _safetensors(path: Path, key: str | None) -> Iterator[tuple[Any, tuple[int, ...], str]]:
    from safetensors import SafetensorError, safe_open

    with reading(str(path), SafetensorError), safe_open(path, framework="numpy") as file:
        keys = list(file.keys())
        if key is None and len(keys) != 1:
            raise SignalError(f"{path}: holds {len(keys)} tensors ({', '.join(keys)}); write key")
        if key is not None and key not in keys:
            raise SignalError(f'{path}: holds no tensor "{key}"{did_you_mean(key, keys)}')
        tensor = file.get_slice(keys[0] if key is None else key)
        yield tensor, tuple(tensor.get_shape()), str(tensor.get_dtype())
