"""Extraction on Ray against the local engine's. Where Ray is not installed, without the cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_core.features import Extraction
from slp_core.manifest import Row
from slp_core.recipe import Recipe, Use
from slp_core.recipe_file import load_recipe
from slp_encoders.extraction.store import FeatureCache
from slp_train import ray_engine
from slp_train.features import extract
from slp_train.ray_engine import Job, Worker, deal
from slp_train.run import make_corpus, read_manifests

WITHOUT = "needs Ray: uv run --isolated --group ray pytest tests/test_ray.py"
RECIPE = """
[recipe]
name = "films"
[data]
root = "data"
train = "train.tsv"
validation = "validation.tsv"
skip_bad = true
[streams.video]
signal = "video"
processor = { use = "video", size = 32, fps = 5.0 }
encoder = { use = "resnet", scratch = { hidden_sizes = [8, 16], depths = [1, 1] } }
mapper = { use = "linear" }
[decoder]
use = "seq2seq"
scratch = { dim = 32, layers = 1, heads = 2, ffn = 64 }
[[stages]]
name = "translate"
train = ["streams.*.mapper", "decoder"]
objectives = [{ use = "cross-entropy" }]
epochs = 1
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty films and a recipe. Two of the rows are bad, two mean the same film."""
    home = tmp_path_factory.mktemp("films")
    make_corpus(Use("synthetic", {"samples": 30, "video": True}), home / "data")
    (home / "films.toml").write_text(RECIPE)
    manifest = home / "data/train.tsv"
    head, first, second, third, *others = manifest.read_text().splitlines()
    names = head.split("\t")
    missing, again = second.split("\t"), third.split("\t")
    missing[names.index("video")] = "nowhere.mp4"
    again[names.index("id")] = "again"
    lines = [head, first, "\t".join(missing), third, *others, "\t".join(again)]
    manifest.write_text("\n".join(lines) + "\n")
    broken = home / "data" / dict(zip(names, others[-1].split("\t"), strict=True))["video"]
    broken.write_bytes(broken.read_bytes()[:200])
    return home


@pytest.fixture
def recipe(films: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """One thread everywhere: their number changes how a convolution rounds."""
    monkeypatch.chdir(films)
    monkeypatch.setattr(ray_engine, "_FEWEST", 4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_recipe(Path("films.toml"))
    torch.set_num_threads(threads)


@pytest.fixture
def two_workers() -> Iterator[None]:
    """A Ray of this machine alone."""
    pytest.importorskip("ray", reason=WITHOUT)
    ray_engine.import_ray()
    import ray

    ray.init("local", num_cpus=2, logging_level="ERROR", log_to_driver=False,
             include_dashboard=False)  # fmt: skip
    yield
    ray.shutdown()


def content(folder: Path) -> dict[str, tuple[object, bytes]]:
    """What is in a cache: the record and the bytes of each clip, by key."""
    cache = FeatureCache(folder)
    return {key: (cache.record(key), cache.read(key).numpy().tobytes()) for key in cache}


def facts(done: Extraction) -> tuple[int, int, int, list[str]]:
    return done.encoded, done.found, done.steps, [str(one) for one in done.bad]


def test_as_the_local_engine(recipe, two_workers, tmp_path, capfd):
    theirs = extract(recipe, tmp_path / "local")
    said = capfd.readouterr().err
    ours = extract(recipe, tmp_path / "ray", engine="ray", workers=2)
    assert facts(ours) == facts(theirs) and len(ours.bad) == 2
    bad_rows = [line for line in said.splitlines() if ".tsv:" in line]
    assert [line for line in capfd.readouterr().err.splitlines() if ".tsv:" in line] == bad_rows
    assert content(tmp_path / "ray") == content(tmp_path / "local")
    assert len(content(tmp_path / "ray")) == ours.encoded > 20
    again = extract(recipe, tmp_path / "ray", engine="ray", workers=2)
    assert facts(again) == (0, ours.encoded, 0, facts(ours)[3])
    share = extract(recipe, tmp_path / "ray", shard=(2, 5), engine="ray", workers=2)
    assert 0 < share.found < ours.encoded
    with pytest.raises(UserError, match="--workers 3: Ray has only 2 cores"):
        extract(recipe, tmp_path / "ray", engine="ray", workers=3)
    (record,) = (tmp_path / "ray").glob("*.json")
    record.write_text(record.read_text().replace("again", "other"))
    with pytest.raises(UserError, match="^[^ ]*json: has changed since it was written$"):
        extract(recipe, tmp_path / "ray", engine="ray", workers=2)


def test_the_command_starts_a_quiet_ray_of_its_own(films, tmp_path):
    pytest.importorskip("ray", reason=WITHOUT)
    command = [sys.executable, "-m", "slp_cli.main", "extract", "films.toml", "--into"]
    engine = [tmp_path, "--engine", "ray", "--workers", "1", "--json"]
    done = subprocess.run([*command, *engine], cwd=films, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["encoded"] > 20
    ours = ("extracting: ", "Loading weights", "data")
    assert all(line.startswith(ours) for line in done.stderr.splitlines()), done.stderr


def test_a_worker_encodes_what_it_is_told(recipe, films, tmp_path):
    """An actor without its Ray: all rows in blocks, against the local engine."""
    theirs = extract(recipe, tmp_path / "local")
    rows = [row for manifest in read_manifests(recipe).values() for row in manifest]
    job = Job(recipe, tmp_path / "ray", "float32", str(films), 1)
    worker, ours = Worker(job), []
    for block in deal(rows, range(len(rows)), ["video"], 4):
        answer = worker({"rows": [block]})
        assert answer["error"] == [""]
        ours.append(json.loads(answer["done"][0]))
    assert len(ours) > 3
    assert [sum(one[n] for one in ours) for n in range(4)] == [
        len(rows), theirs.encoded, theirs.found, theirs.steps]  # fmt: skip
    bad = sorted((number, reason) for *_, some in ours for number, reason in some)
    assert [reason for _, reason in bad] == [str(one) for one in theirs.bad]
    assert [rows[number].where for number, _ in bad] == [one.row.where for one in theirs.bad]
    assert content(tmp_path / "ray") == content(tmp_path / "local")


def test_a_worker_answers_what_the_user_did_wrong(recipe, films, tmp_path):
    (tmp_path / "ab.json").write_text("{}")
    worker = Worker(Job(recipe, tmp_path, "float32", str(films), 1))
    answer = worker({"rows": [[0]]})
    assert answer["done"] == [""] and "ab.json" in answer["error"][0]


@given(clips=st.lists(st.integers(0, 5), max_size=30), size=st.integers(1, 8))
def test_rows_of_a_clip_are_dealt_to_one(clips: list[int], size: int) -> None:
    rows = [Row({"video": f"{one % 3}.mp4", "start": str(one // 3)}, Path("a.tsv"), 0)
            for one in clips]  # fmt: skip
    share = range(0, len(rows), 2)
    blocks = deal(rows, share, ["video"], size)
    assert sorted(number for block in blocks for number in block) == list(share)
    seen = [{clips[number] for number in block} for block in blocks]
    assert sum(map(len, seen)) == len(set().union(*seen))
    assert all(len(block) >= size for block in blocks[:-1])


def test_without_ray(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"uv pip install 'slp-encoders\[ray\]'"):
        extract(recipe, tmp_path, engine="ray")
