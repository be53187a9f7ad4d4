"""The cache on disk: kills, two processes, flipped bytes."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import random
import re
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.signals import Clip, SignalError
from slp_encoders.extraction import shards, store
from slp_encoders.extraction.export import export
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.keys import Encoding, code_hash, file_hash
from slp_encoders.extraction.store import FeatureCache
from slp_encoders.extraction.stored import StoredFeatures

from . import toys


def fill(folder: Path, files: list[Path], encoder: Any = None) -> FeatureCache:
    """Encode what is not there yet, as a rerun of a killed extraction does."""
    cache = FeatureCache(folder)
    encoder = encoder or toys.Pictures()
    extractor = Extractor(cache, toys.Films(), {"a": encoder})
    wanted = []
    for file in files:
        clip = Clip(str(file))
        keys = extractor.keys(clip)
        if keys["a"] not in cache:
            wanted.append(Wanted(clip, [Row({"id": file.stem}, Path("a.tsv"), 2)], keys))
    extractor.run(wanted)
    cache.pack()
    return cache


def content(cache: FeatureCache) -> dict[str, str]:
    """What the cache holds: the bytes of every key, by hash."""
    cache.refresh()
    return {key: hashlib.sha256(cache.read(key).numpy().tobytes()).hexdigest() for key in cache}


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    return toys.write_films(tmp_path / "films", *[1 + (7 * n) % 11 for n in range(40)])


# Kills


def _fill_alone(folder: Path, files: list[Path]) -> None:
    torch.set_num_threads(1)
    store.MOST_CLIPS = 8  # shards are put together often
    fill(folder, files)


def _start(folder: Path, files: list[Path]) -> Any:
    process = multiprocessing.get_context("fork").Process(target=_fill_alone, args=(folder, files))
    process.start()
    return process


def test_killed_twenty_times(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_CLIPS", 8)
    began = time.monotonic()
    whole = _start(tmp_path / "whole", films)
    whole.join()
    took = time.monotonic() - began
    assert whole.exitcode == 0
    rng, broken, found = random.Random(0), tmp_path / "broken", 0
    for kill in range(20):
        process = _start(broken, films)
        process.join(rng.uniform(0.1, 1.2) * took * (kill + 1) / 20)
        process.kill()
        process.join()
        now = FeatureCache(broken)
        assert len(now) >= found, "a finished clip was lost"
        assert not now.verify()
        found = len(now)
    fill(broken, films)
    ours, theirs = FeatureCache(broken), FeatureCache(tmp_path / "whole")
    assert len(ours) == len(films)
    assert content(ours) == content(theirs)
    assert not ours.verify() and not list(broken.glob("*.part"))


@pytest.mark.parametrize("step", ["place", "record", "join", "delete"])
def test_a_kill_between_any_two_steps(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever step is the last, the cache is whole, and a rerun ends as if nothing was."""
    monkeypatch.setattr(store, "MOST_CLIPS", 8)
    whole = content(fill(tmp_path / "whole", films))

    class Killed(BaseException):
        pass

    calls = 0

    def dies(original: Any, after: int) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > after:
                raise Killed
            return original(*arguments, **options)

        return call

    for after in (0, 1, 7, 13):
        calls, folder = 0, tmp_path / f"{step}{after}"
        with monkeypatch.context() as patch, pytest.raises(Killed):
            if step == "place":
                patch.setattr(shards, "content_hash", dies(shards.content_hash, after))
            elif step == "record":
                patch.setattr(shards, "write_text", dies(shards.write_text, after))
            elif step == "join":
                patch.setattr("safetensors.torch.save_file", dies(None, 0))
            else:
                patch.setattr(Path, "unlink", dies(Path.unlink, 40 + after))
            fill(folder, films)
        assert not FeatureCache(folder).verify()
        assert content(FeatureCache(folder)).items() <= whole.items()
        assert content(fill(folder, films)) == whole


def test_two_processes(tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    both = [_start(tmp_path / "cache", films), _start(tmp_path / "cache", films[::-1])]
    for process in both:
        process.join()
        assert process.exitcode == 0
    cache = FeatureCache(tmp_path / "cache")
    assert content(cache) == content(fill(tmp_path / "whole", films))
    cache.pack()
    assert len(cache.shards) == 1 and len(cache) == len(films)
    assert not cache.verify()


@pytest.mark.parametrize("before_torch", [True, False])
def test_a_shard_goes_at_the_worst_moment(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch, before_torch: bool
) -> None:
    """Reading opens the shard twice, once in safetensors and once in torch."""
    cache = FeatureCache(tmp_path / "cache")
    extractor = Extractor(cache, toys.Films(), {"a": toys.Pictures()})
    extractor.run([Wanted(clip, [], extractor.keys(clip)) for clip in map(Clip, map(str, films))])
    key = next(iter(cache))
    reader, packed = FeatureCache(cache.folder), False
    assert key in reader

    def opens(*arguments: Any, **options: Any) -> Any:
        nonlocal packed
        if not packed:
            packed = True
            with monkeypatch.context() as patch:
                patch.setattr("safetensors.safe_open", safe_open)
                FeatureCache(cache.folder).pack()
            if before_torch:
                raise RuntimeError("unable to open file: No such file or directory (2)")
        return safe_open(*arguments, **options)

    monkeypatch.setattr("safetensors.safe_open", opens)
    assert len(reader.read(key)) and packed


def test_a_shard_without_its_file(tmp_path: Path, films: list[Path]) -> None:
    cache = fill(tmp_path / "cache", films)
    (shard,) = cache.shards.values()
    shard.file.unlink()
    with pytest.raises(UserError, match=r"its file is not there; .*extract again"):
        FeatureCache(cache.folder).read(next(iter(cache)))


def test_a_reader_goes_on_while_shards_are_put_together(tmp_path: Path, films: list[Path]) -> None:
    cache = FeatureCache(tmp_path / "cache")
    extractor = Extractor(cache, toys.Films(), {"a": toys.Pictures()})
    clips = [Clip(str(file)) for file in films]
    extractor.run([Wanted(clip, [], extractor.keys(clip)) for clip in clips])
    other = FeatureCache(tmp_path / "cache")
    assert len(other) == len(other.shards) == len(films)
    cache.pack()
    assert len(cache.shards) == 1
    assert content(other) == content(cache)


# What is found


def test_a_flipped_byte_is_found(tmp_path: Path, films: list[Path]) -> None:
    cache = fill(tmp_path / "cache", films)
    (shard,) = cache.shards.values()
    original = shard.file.read_bytes()
    assert not cache.verify()
    rng, length = random.Random(0), int.from_bytes(original[:8], "little")
    named = 0
    for place in [3, 40, *(rng.randrange(8 + length, len(original)) for _ in range(10))]:
        broken = bytearray(original)
        broken[place] ^= 1 << rng.randrange(8)
        shard.file.write_bytes(broken)
        (said,) = cache.verify()
        assert shard.file.name in said and "has changed" in said
        if place > 8 + length:
            (name,) = re.findall(r": (\d+) of \1\.npy$", said)
            (clip,) = [one for one in cache if cache.record(one).ids == (name,)]
            named += 1
            with pytest.raises(UserError, match=r"are damaged: .*extract again"):
                FeatureCache(tmp_path / "cache").read(clip)
    assert named == 10
    shard.file.write_bytes(original)
    broken = bytearray(shard.record.read_bytes())
    broken[len(broken) // 2] ^= 1
    shard.record.write_bytes(broken)
    assert shard.record.name in cache.verify()[0]
    with pytest.raises(UserError, match="has changed since it was written"):
        len(FeatureCache(tmp_path / "cache"))


def test_training_finds_a_flipped_byte(tmp_path: Path, films: list[Path]) -> None:
    encoder = toys.Pictures()
    cache = fill(tmp_path / "cache", films, encoder)
    clip = Clip(str(films[3]))
    stored = StoredFeatures(cache, Encoding.of(toys.Films(), encoder))
    signal = stored.read(clip)
    theirs, rate = toys.forward_alone(encoder, np.load(films[3]))
    assert np.allclose(signal.values, theirs, atol=1e-5)
    assert signal.encoded and signal.rate == rate and stored.probe(clip) == len(theirs)
    (shard,) = cache.shards.values()
    content = bytearray(shard.file.read_bytes())
    for place in range(8 + int.from_bytes(content[:8], "little"), len(content)):
        content[place] ^= 1
    shard.file.write_bytes(content)
    again = StoredFeatures(FeatureCache(tmp_path / "cache"), stored.encoding)
    with pytest.raises(SignalError, match=r"features of 3 of 3\.npy are damaged"):
        again.read(clip)


def test_what_was_not_extracted(tmp_path: Path, films: list[Path]) -> None:
    encoder = toys.Pictures()
    cache = fill(tmp_path / "cache", films[:2], encoder)
    stored = StoredFeatures(cache, Encoding.of(toys.Films(), encoder))
    for ask in (stored.read, stored.probe):
        with pytest.raises(SignalError, match=r"2\.npy: .*run `slp extract`"):
            ask(Clip(str(films[2])))
    with pytest.raises(SignalError, match="there is no such file"):
        stored.read(Clip(str(tmp_path / "none.npy")))


def test_reading_maps_the_file(tmp_path: Path) -> None:
    (file,) = toys.write_films(tmp_path, 2_000)  # 40 kB of features
    cache = fill(tmp_path / "cache", [file])
    (key,) = cache
    addresses = {FeatureCache(tmp_path / "cache").read(key).data_ptr() for _ in range(3)}
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux tells what is mapped")
    values = cache.read(key)
    (shard,) = cache.shards.values()
    spans = [line.split()[0] for line in maps.read_text().splitlines() if str(shard.file) in line]
    inside = [
        int(begin, 16) <= values.data_ptr() < int(end, 16)
        for begin, end in (span.split("-") for span in spans)
    ]
    assert any(inside) and addresses


def test_a_shard_is_plain_safetensors(tmp_path: Path, films: list[Path]) -> None:
    cache = FeatureCache(tmp_path / "cache")
    extractor = Extractor(cache, toys.Films(), {"a": toys.Pictures()}, "bfloat16")
    keys = extractor.keys(Clip(str(films[1])))
    extractor.run([Wanted(Clip(str(films[1])), [], keys)])
    (shard,) = cache.shards.values()
    with safe_open(shard.file, framework="pt") as file:
        assert list(file.keys()) == [keys["a"]]
        assert file.get_tensor(keys["a"]).dtype == torch.bfloat16
    assert shard.steps == 8 and shard.nbytes == 8 * 5 * 2


def test_it_can_be_pickled(tmp_path: Path, films: list[Path]) -> None:
    cache = fill(tmp_path / "cache", films)
    assert content(pickle.loads(pickle.dumps(cache))) == content(cache)


def test_long_clips_stay_shards_of_their_own(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 300)
    cache = fill(tmp_path / "cache", films)
    assert len(cache) == len(films)
    for shard in cache.shards.values():
        assert shard.nbytes <= 300 or len(shard.clips) == 1
    assert len(cache.shards) < len(films)
    names = set(cache.shards)
    cache.pack()
    assert set(cache.shards) == names


# Keys


def test_a_key_changes_with_whatever_a_feature_depends_on(tmp_path: Path) -> None:
    one, other = toys.write_films(tmp_path, 3, 4)
    encoder, processor = toys.Pictures(), toys.Films()
    clip = Clip(str(one))
    key = Encoding.of(processor, encoder).key(clip)
    assert Encoding.of(toys.Films(), toys.Pictures()).key(clip) == key
    copy = tmp_path / "copy.npy"
    copy.write_bytes(one.read_bytes())
    assert Encoding.of(processor, encoder).key(Clip(str(copy))) == key
    moved = toys.Pictures()
    moved.mean += 1  # no part of the state dict
    others = [
        Encoding.of(processor, encoder).key(Clip(str(other))),
        Encoding.of(processor, encoder).key(Clip(str(one), 40)),
        Encoding.of(processor, encoder).key(Clip(str(one), 0, 80)),
        Encoding.of(processor, encoder, "bfloat16").key(clip),
        Encoding.of(processor, toys.Pictures(toys.Nothing(batch=5))).key(clip),
        Encoding.of(processor, toys.Pictures(seed=1)).key(clip),
        Encoding.of(processor, moved).key(clip),
        Encoding.of(processor, toys.Whole()).key(clip),
        Encoding.of(toys.Films(toys.FilmConfig(size=9)), encoder).key(clip),
    ]
    assert len({key, *others}) == len(others) + 1
    assert "mean" not in encoder.state_dict()


def test_the_code_is_all_that_a_part_is_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "plugin_of_ours"
    (home / "encoders" / "ours").mkdir(parents=True)
    for folder in (home, home / "encoders", home / "encoders" / "ours"):
        (folder / "__init__.py").touch()
    (home / "encoders" / "ours" / "model.py").write_text(
        "import json\nfrom plugin_of_ours.encoders import shared\nfrom ... import roots as _\n"
        "class Ours: ...\n"
    )
    modules = ["encoders/shared.py", "roots.py", "other.py"]
    for name in modules:
        (home / name).write_text("SIZE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    kind = import_module("plugin_of_ours.encoders.ours.model").Ours
    before = code_hash(kind)
    for name in modules:
        (home / name).write_text("SIZE = 2\n")
        code_hash.cache_clear()
        assert (code_hash(kind) == before) is (name == "other.py")
        (home / name).write_text("SIZE = 1\n")
    code_hash.cache_clear()
    assert code_hash(kind) == before


def test_what_is_read_beside_the_clip_is_part_of_the_key(tmp_path: Path) -> None:
    (film,) = toys.write_films(tmp_path, 3)
    beside = tmp_path / "mouth.txt"

    class Beside(toys.Films):
        def files(self, clip: Clip) -> list[Path]:
            return [*super().files(clip), beside]

    encoding = Encoding.of(Beside(), toys.Pictures())
    with pytest.raises(SignalError, match=r"mouth\.txt: there is no such file"):
        encoding.key(Clip(str(film)))
    beside.write_text("here")
    before = encoding.key(Clip(str(film)))
    beside.write_text("there")
    assert encoding.key(Clip(str(film))) != before


def test_an_edited_clip_is_another(tmp_path: Path) -> None:
    (file,) = toys.write_films(tmp_path, 3)
    before = file_hash(file)
    assert file_hash(file) == before
    toys.write_films(tmp_path, 4)
    assert file_hash(file) != before


def test_a_folder_of_pictures_is_hashed_whole(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(name.encode())
    before = file_hash(tmp_path)
    (tmp_path / "2.png").rename(tmp_path / "3.png")
    assert file_hash(tmp_path) != before


# Export


def test_npy(tmp_path: Path, films: list[Path]) -> None:
    encoder = toys.Pictures()
    cache = fill(tmp_path / "cache", films, encoder)
    assert export(cache, tmp_path / "out", "npy") == len(films)
    assert len(list((tmp_path / "out").iterdir())) == len(films)
    for file in films:
        values = np.load(tmp_path / "out" / f"{file.stem}.npy")
        theirs, _ = toys.forward_alone(encoder, np.load(file))
        assert values.dtype == np.float32 and np.allclose(values, theirs, atol=1e-5)


def test_several_sets(tmp_path: Path, films: list[Path]) -> None:
    fill(tmp_path / "cache", films[:3])
    cache = fill(tmp_path / "cache", films[:2], toys.Whole())
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
    cache = fill(tmp_path / "cache", films[:3])
    try:
        import h5py
    except ImportError:
        with pytest.raises(UserError, match="pip install h5py"):
            export(cache, tmp_path / "out.h5", "hdf5")
        assert not (tmp_path / "out.h5").exists()
        return
    assert export(cache, tmp_path / "out.h5", "hdf5") == 3
    with h5py.File(tmp_path / "out.h5") as file:
        assert sorted(file) == ["0", "1", "2"]
