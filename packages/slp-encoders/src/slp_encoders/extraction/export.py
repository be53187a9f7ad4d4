"""Features as other programs read them: one ``.npy`` a clip, or one HDF5 file.

SpaMo and How2Sign's users keep one float32 matrix ``t d`` a clip, in a file named after the
sample; an HDF5 file holds the same matrices as data sets of those names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from slp_core.corpus import Progress
from slp_core.errors import UserError, did_you_mean
from slp_core.files import whole_file

if TYPE_CHECKING:
    from slp_encoders.extraction.store import FeatureCache


def export(
    store: FeatureCache,
    out: Path,
    form: Literal["npy", "hdf5"],
    only: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write a set's clips by the ids of their rows: into the folder ``out`` (``npy``), or into
    the file ``out`` (``hdf5``). Their number.

    Raises:
        UserError: the cache has several sets and none was chosen, two clips have one id, an id
            cannot be a file's name, h5py is not installed, a feature is damaged.
    """
    clips = _by_id(store, _chosen(store, only))
    with _hdf5(out) if form == "hdf5" else _npy(out) as write:
        for done, (name, key) in enumerate(clips.items(), start=1):
            write(name, store.read(key).float().numpy())
            if progress is not None:
                progress(done, len(clips))
    return len(clips)


def _chosen(store: FeatureCache, only: str | None) -> set[str]:
    """The keys of the set that is meant."""
    sets = store.sets()
    if not sets:
        raise UserError(f"{store.folder}: holds no features")
    if only is None and len(sets) > 1:
        raise UserError(
            f"{store.folder}: holds clips encoded in {len(sets)} ways ({', '.join(sets)}); "
            "say which, with --only; `slp features info` tells them apart"
        )
    name = only or next(iter(sets))
    if name not in sets:
        raise UserError(f'{store.folder}: holds no set "{name}"{did_you_mean(name, sets)}')
    return {key for shard in sets[name] for key in shard.clips}


def _by_id(store: FeatureCache, keys: set[str]) -> dict[str, str]:
    clips: dict[str, str] = {}
    for key in sorted(keys):
        clip = store.record(key)
        for name in clip.ids:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\0" in name or not path.name:
                raise UserError(f"{store.folder}: the id {name!r} cannot be a file's name")
            if name in clips:
                one, other = store.record(clips[name]).source, clip.source
                raise UserError(
                    f"{store.folder}: two clips have the id {name!r}: of {one} and of {other}"
                )
            clips[name] = key
    return dict(sorted(clips.items()))


@contextmanager
def _npy(out: Path) -> Iterator[Any]:
    def write(name: str, values: np.ndarray) -> None:
        with whole_file(out / f"{name}.npy") as beside, beside.open("wb") as stream:
            np.save(stream, values, allow_pickle=False)

    yield write


@contextmanager
def _hdf5(out: Path) -> Iterator[Any]:
    try:
        import h5py
    except ImportError:
        raise UserError("HDF5 files are written by h5py: uv pip install h5py") from None
    with whole_file(out) as beside, h5py.File(beside, "w") as file:

        def write(name: str, values: np.ndarray) -> None:
            file.create_dataset(name, data=values)

        yield write
