"""The cache on disk: what is found in it, what is damaged, how it lies there."""

from __future__ import annotations

import pickle
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from slp_core.errors import UserError
from slp_core.signals import Clip, SignalError
from slp_encoders.extraction import store
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.keys import Encoding
from slp_encoders.extraction.store import FeatureCache
from slp_encoders.extraction.stored import StoredFeatures

from . import toys


def test_a_flipped_byte_is_found(tmp_path: Path, films: list[Path]) -> None:
    cache = toys.fill(tmp_path / "cache", films)
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
    cache = toys.fill(tmp_path / "cache", films, encoder)
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
    cache = toys.fill(tmp_path / "cache", films[:2], encoder)
    stored = StoredFeatures(cache, Encoding.of(toys.Films(), encoder))
    for ask in (stored.read, stored.probe):
        with pytest.raises(SignalError, match=r"2\.npy: .*run `slp extract`"):
            ask(Clip(str(films[2])))
    with pytest.raises(SignalError, match="there is no such file"):
        stored.read(Clip(str(tmp_path / "none.npy")))


def test_reading_maps_the_file(tmp_path: Path) -> None:
    (file,) = toys.write_films(tmp_path, 2_000)  # 40 kB of features
    cache = toys.fill(tmp_path / "cache", [file])
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
    cache = toys.fill(tmp_path / "cache", films)
    assert toys.content(pickle.loads(pickle.dumps(cache))) == toys.content(cache)


def test_long_clips_stay_shards_of_their_own(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 300)
    cache = toys.fill(tmp_path / "cache", films)
    assert len(cache) == len(films)
    for shard in cache.shards.values():
        assert shard.nbytes <= 300 or len(shard.clips) == 1
    assert len(cache.shards) < len(films)
    names = set(cache.shards)
    cache.pack()
    assert set(cache.shards) == names
