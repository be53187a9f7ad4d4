"""Who writes the cache is killed, or not alone."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors import safe_open

from slp_core.errors import UserError
from slp_core.signals import Clip
from slp_encoders.extraction import shards, store
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

from . import toys


def _fill_alone(folder: Path, files: list[Path]) -> None:
    torch.set_num_threads(1)
    store.MOST_CLIPS = 8  # shards are put together often
    toys.fill(folder, files)


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
    toys.fill(broken, films)
    ours, theirs = FeatureCache(broken), FeatureCache(tmp_path / "whole")
    assert len(ours) == len(films)
    assert toys.content(ours) == toys.content(theirs)
    assert not ours.verify() and not list(broken.glob("*.part"))


@pytest.mark.parametrize("step", ["place", "record", "join", "delete"])
def test_a_kill_between_any_two_steps(
    tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever step is the last, the cache is whole, and a rerun ends as if nothing was."""
    monkeypatch.setattr(store, "MOST_CLIPS", 8)
    whole = toys.content(toys.fill(tmp_path / "whole", films))

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
            toys.fill(folder, films)
        assert not FeatureCache(folder).verify()
        assert toys.content(FeatureCache(folder)).items() <= whole.items()
        assert toys.content(toys.fill(folder, films)) == whole


def test_two_processes(tmp_path: Path, films: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    both = [_start(tmp_path / "cache", films), _start(tmp_path / "cache", films[::-1])]
    for process in both:
        process.join()
        assert process.exitcode == 0
    cache = FeatureCache(tmp_path / "cache")
    assert toys.content(cache) == toys.content(toys.fill(tmp_path / "whole", films))
    cache.pack()
    assert len(cache.shards) == 1 and len(cache) == len(films)
    assert not cache.verify()


@pytest.mark.parametrize("change", ["put", "pack"])
def test_shards_are_changed_in_turn(tmp_path: Path, films: list[Path], change: str) -> None:
    cache = FeatureCache(tmp_path / "cache")
    extractor = Extractor(cache, toys.Films(), {"a": toys.Pictures()})
    clips = [Clip(str(file)) for file in films]
    wanted = [Wanted(clip, [], extractor.keys(clip)) for clip in clips]
    extractor.run(wanted[1:])
    there = set(cache.folder.glob("*.json"))
    work = cache.pack if change == "pack" else lambda: extractor.run(wanted[:1])
    waiting = Thread(target=work)
    with FileLock(cache.folder / "writing.lock"):  # as another process holds it
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive() and set(cache.folder.glob("*.json")) == there
    waiting.join()
    assert set(cache.folder.glob("*.json")) != there


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
    cache = toys.fill(tmp_path / "cache", films)
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
    assert toys.content(other) == toys.content(cache)
