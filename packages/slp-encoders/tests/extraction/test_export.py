"""Features for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.signals import Clip
from slp_encoders.extraction.export import export
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

from . import toys


def test_npy(tmp_path: Path, films: list[Path]) -> None:
    encoder = toys.Pictures()
    cache = toys.fill(tmp_path / "cache", films, encoder)
    assert export(cache, tmp_path / "out", "npy") == len(films)
    assert len(list((tmp_path / "out").iterdir())) == len(films)
    for file in films:
        values = np.load(tmp_path / "out" / f"{file.stem}.npy")
        theirs, _ = toys.forward_alone(encoder, np.load(file))
        assert values.dtype == np.float32 and np.allclose(values, theirs, atol=1e-5)


def test_several_sets(tmp_path: Path, films: list[Path]) -> None:
    toys.fill(tmp_path / "cache", films[:3])
    cache = toys.fill(tmp_path / "cache", films[:2], toys.Whole())
    assert sorted(one["clips"] for one in cache.info()) == [2, 3]
    with pytest.raises(UserError, match=r"encoded in 2 ways .*--only"):
        export(cache, tmp_path / "out", "npy")
    name = next(one["set"] for one in cache.info() if one["clips"] == 2)
    assert export(cache, tmp_path / "out", "npy", name) == 2
    with pytest.raises(UserError, match='holds no set "nonsense"'):
        export(cache, tmp_path / "out", "npy", "nonsense")


@pytest.mark.parametrize("name", ["../a", "/a", ".."])
def test_an_id_cannot_leave_the_folder(tmp_path: Path, films: list[Path], name: str) -> None:
    cache = FeatureCache(tmp_path / "cache")
    extractor = Extractor(cache, toys.Films(), {"a": toys.Pictures()})
    clip = Clip(str(films[0]))
    row = Row({"id": name}, Path("a.tsv"), 2)
    extractor.run([Wanted(clip, [row], extractor.keys(clip))])
    with pytest.raises(UserError, match="cannot be a file's name"):
        export(cache, tmp_path / "out", "npy")


def test_hdf5(tmp_path: Path, films: list[Path]) -> None:
    cache = toys.fill(tmp_path / "cache", films[:3])
    try:
        import h5py
    except ImportError:
        with pytest.raises(UserError, match="uv pip install h5py"):
            export(cache, tmp_path / "out.h5", "hdf5")
        assert not (tmp_path / "out.h5").exists()
        return
    assert export(cache, tmp_path / "out.h5", "hdf5") == 3
    with h5py.File(tmp_path / "out.h5") as file:
        assert sorted(file) == ["0", "1", "2"]
