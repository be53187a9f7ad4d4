"""Extraction against each encoder's own pass over the whole clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Encoder
from slp_core.signals import Clip
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

from . import toys


def run(
    folder: Path, files: list[Path], precision: Any = "float32", **encoders: Encoder
) -> Extractor:
    extractor = Extractor(FeatureCache(folder), toys.Films(), encoders, precision)
    wanted = []
    for file in files:
        row = Row({"id": file.stem}, Path("train.tsv"), 2)
        wanted.append(Wanted(Clip(str(file)), [row], extractor.keys(Clip(str(file)))))
    extractor.run(wanted)
    return extractor


def assert_as_alone(extractor: Extractor, name: str, file: Path) -> None:
    key = extractor.keys(Clip(str(file)))[name]
    theirs, rate = toys.forward_alone(extractor.encoders[name], np.load(file))
    ours = extractor.store.read(key)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert theirs.numel() == 0 or theirs.abs().max() > 0.1
    assert extractor.store.record(key).rate == pytest.approx(rate)


@settings(max_examples=12)
@given(
    lengths=st.lists(st.integers(1, 23), min_size=1, max_size=5),
    window=st.integers(1, 7),
    stride=st.integers(1, 9),
    tail=st.sampled_from(["repeat", "drop"]),
)
def test_as_over_the_whole_clip(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    window: int,
    stride: int,
    tail: str,
) -> None:
    folder = tmp_path_factory.mktemp("films")
    files = toys.write_films(folder, *lengths)
    encoders = {
        "pictures": toys.Pictures(),
        "windows": toys.Windowed(window, stride, tail),
        "whole": toys.Whole(),
    }
    extractor = run(folder / "cache", files, **encoders)
    for name in encoders:
        for file in files:
            assert_as_alone(extractor, name, file)


def test_batches_fill_across_clips_and_never_change_their_size(tmp_path: Path) -> None:
    encoder = toys.Pictures()
    run(tmp_path / "cache", toys.write_films(tmp_path, 1, 2, 6, 1), a=encoder)
    assert encoder.sizes_seen == [4, 4, 4]  # ten pictures


def test_frames_are_decoded_once_for_all_encoders(tmp_path: Path) -> None:
    files = toys.write_films(tmp_path, 5, 7)
    encoders = {"a": toys.Pictures(), "b": toys.Windowed(4, 2, "repeat"), "c": toys.Whole()}
    extractor = run(tmp_path / "cache", files, **encoders)
    assert extractor.processor.decoded == 12  # type: ignore[attr-defined]
    assert len(extractor.store) == 6


def test_memory_is_bounded_by_the_window(tmp_path: Path) -> None:
    """At no time are more frames kept than a window, a chunk and what the thread is ahead."""
    (file,) = toys.write_films(tmp_path, 3000)
    encoder = toys.Windowed(5, 2, "repeat")
    extractor = Extractor(FeatureCache(tmp_path / "cache"), toys.Films(), {"a": encoder})
    most = 0
    track = extractor.tracks["a"]
    feed = track.feed

    def counted(clip: Any, frames: np.ndarray) -> None:
        nonlocal most
        feed(clip, frames)
        ahead = extractor.processor.decoded - clip.seen  # type: ignore[attr-defined]
        most = max(most, len(clip.frames) + ahead)

    track.feed = counted  # type: ignore[method-assign]
    clip = Clip(str(file))
    extractor.run([Wanted(clip, [], extractor.keys(clip))])
    assert_as_alone(extractor, "a", file)
    assert most < 120


def test_a_bad_clip_does_not_hurt_its_neighbours(tmp_path: Path) -> None:
    files = toys.write_films(tmp_path, 3, 3, 3)
    content = files[1].read_bytes()
    files[1].write_bytes(content[:-100])
    extractor = run(tmp_path / "cache", files, a=toys.Pictures())
    (bad,) = extractor.bad
    assert "1.npy: cannot be read" in bad[1]
    for file in (files[0], files[2]):
        assert_as_alone(extractor, "a", file)
    assert not list((tmp_path / "cache").glob("*.part"))


def test_what_is_not_finite_is_refused(tmp_path: Path) -> None:
    encoder = toys.Pictures()
    torch.nn.init.constant_(encoder.layer.weight, 1e4)
    files = toys.write_films(tmp_path, 3)
    assert not run(tmp_path / "cache", files, a=encoder).bad
    (bad,) = run(tmp_path / "cache", files, "float16", a=encoder).bad
    assert "not finite in float16" in bad[1]


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_lower_precision(tmp_path: Path, precision: str, most: float) -> None:
    files = toys.write_films(tmp_path, 6)
    extractor = run(tmp_path / "cache", files, precision, a=toys.Pictures())
    key = extractor.keys(Clip(str(files[0])))["a"]
    values = extractor.store.read(key)
    theirs, _ = toys.forward_alone(extractor.encoders["a"], np.load(files[0]))
    assert values.dtype == getattr(torch, precision)
    gap = (values.float() - theirs).abs().max()
    assert 1e-5 < gap < most


def test_python_interface(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = toys.write_films(tmp_path, 3, 5)
    encoder, processor, told = toys.Pictures(), toys.Films(), []
    for _ in range(2):
        found = dict(
            encoder.extract(
                files,
                processor,
                folder=tmp_path / "cache",
                progress=lambda *numbers: told.append(numbers),
            )
        )
    assert list(found) == [str(file) for file in files]
    assert [len(values) for values in found.values()] == [3, 5]
    assert processor.decoded == 8
    assert told[-1] == (2, 2, 8)
    assert not capsys.readouterr().err
    assert list(encoder.extract(files, processor, folder=tmp_path / "again"))
    assert "encoding" in capsys.readouterr().err


def test_a_whole_cache_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lie where nobody can write."""
    files, encoder = toys.write_films(tmp_path / "films", 3, 5), toys.Pictures()
    assert len(list(encoder.extract(files, toys.Films(), folder=tmp_path / "cache"))) == 2

    def refuses(*_: Any) -> Any:
        raise PermissionError

    monkeypatch.setattr(FeatureCache, "_changing", refuses)
    assert len(list(encoder.extract(files, toys.Films(), folder=tmp_path / "cache"))) == 2
    with pytest.raises(PermissionError):
        list(
            encoder.extract(files[:1], toys.Films(), precision="float16", folder=tmp_path / "cache")
        )


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    files = toys.write_films(tmp_path, 3, 5, 4)
    for file in files[1:]:
        file.write_text(f"no film, {file.name}")
    with pytest.raises(UserError, match=rf"{files[1].name}(.|\n)*{files[2].name}"):
        list(toys.Pictures().extract(files, toys.Films(), folder=tmp_path / "cache"))
    with pytest.raises(UserError, match="say which processor reads the files"):
        list(toys.Pictures().extract(files, folder=tmp_path / "cache"))
