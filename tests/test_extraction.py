"""Features as their user meets them: extracted once, read in training, exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from .test_recipes import tiny_clip

RECIPE = "recipes/tiny/multimodalhugs-video.toml"
SHORT = ("--set", "stages.0.epochs=1", "--set", "evaluation.controls=false")


@pytest.fixture
def cache(slp, home, tmp_path) -> Path:
    """The features of the tiny recipe's videos."""
    tiny_clip(home / "models/tiny-clip")
    folder = tmp_path / "features"
    said = slp("extract", RECIPE, "--into", folder, "--json").stdout
    assert json.loads(said) == {"encoded": 120, "found": 0, "steps": 1885, "bad": []}
    return folder


def test_extracted_once_and_exported(slp, home, cache, tmp_path):
    again = slp("extract", RECIPE, "--into", cache).stdout
    assert again == "0 clips encoded, 120 were there\n"
    (one,) = json.loads(slp("features", "info", cache, "--json").stdout)
    assert (one["clips"], one["steps"], one["width"], one["shards"]) == (120, 1885, 16, 1)
    slp("features", "export", cache, tmp_path / "out")
    ids = [line.split("\t")[0] for line in (home / "data/tiny/test.tsv").read_text().splitlines()]
    for name in ids[1:]:
        values = np.load(tmp_path / "out" / f"{name}.npy")
        assert values.dtype == np.float32 and values.shape[1] == 16
    (shard,) = cache.glob("*.safetensors")
    content = bytearray(shard.read_bytes())
    content[-5] ^= 1
    shard.write_bytes(content)
    assert shard.name in slp("features", "verify", cache, code=2).stderr


def test_the_decoders_checkpoint_is_not_asked_for(slp, cache):
    absent = 'decoder={ use = "seq2seq", model = "models/absent" }'
    assert "models/absent" in slp("build", RECIPE, "--set", absent, code=2).stderr
    said = slp("extract", RECIPE, "--into", cache, "--set", absent).stdout
    assert said == "0 clips encoded, 120 were there\n"


def test_shares_make_the_whole(slp, home, cache, tmp_path):
    for share in ("1/3", "2/3", "3/3"):
        slp("extract", RECIPE, "--into", tmp_path / "shares", "--shard", share)
    values = [
        {k: v for file in folder.glob("*.safetensors") for k, v in load_file(file).items()}
        for folder in (cache, tmp_path / "shares")
    ]
    assert values[0].keys() == values[1].keys() and len(values[0]) == 120
    assert all(torch.equal(value, values[1][key]) for key, value in values[0].items())


def test_training_on_features_is_training_on_videos(slp, home, tmp_path):
    tiny_clip(home / "models/tiny-clip")
    weights = []
    for name, features in (("encoded", "features"), ("anew", "")):
        run = tmp_path / name
        slp("train", RECIPE, "--run", run, "--set", f'data.features="{features}"', *SHORT)
        weights.append(load_file(run / "pipeline/model.safetensors"))
    assert list((home / "data/tiny/features").glob("*.safetensors"))
    first = load_file(tmp_path / "anew/pipeline/model.safetensors")
    assert weights[0].keys() == first.keys()
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-4), name


def test_an_encoder_is_extracted_once_its_training_is_over(slp, home, tmp_path):
    tiny_clip(home / "models/tiny-clip")
    text = (home / RECIPE).read_text()
    stages = """
[[stages]]
name = "see"
train = ["streams.pose", "decoder"]
objectives = [{ use = "cross-entropy" }]
steps = 2
[[stages]]
name = "translate"
train = ["streams.pose.mapper", "decoder"]
objectives = [{ use = "cross-entropy" }]
steps = 2
"""
    (home / "recipes/tiny/two-stages.toml").write_text(text + stages)
    runs, said = [], []
    for name, features in (("encoded", "features-two"), ("anew", "")):
        runs.append(tmp_path / name)
        settings = ("--set", f'data.features="{features}"', "--set", "evaluation.controls=false")
        done = slp("train", "recipes/tiny/two-stages.toml", "--run", runs[-1], *settings)
        said.append(done.stderr)
    assert "encoding train: 96 clips encoded" in said[0] and "encoded" not in said[1]
    ours, theirs = (load_file(run / "pipeline/model.safetensors") for run in runs)
    untrained = load_file(runs[0] / "see/pipeline/model.safetensors")
    path = "streams.pose.encoder."
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, atol=1e-4), name
        assert not name.startswith(path) or torch.equal(untrained[name], value), name


def test_bad_clips_are_listed(slp, home, tmp_path):
    tiny_clip(home / "models/tiny-clip")
    shutil.copytree(home / "data/tiny", tmp_path / "data")
    broken = next((tmp_path / "data").rglob("*.mp4"))
    broken.write_bytes(broken.read_bytes()[:200])
    text = (home / "recipes/tiny/multimodalhugs-pose.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("corpus")]
    (home / "recipes/tiny/no-corpus.toml").write_text("\n".join(lines))
    text = (home / RECIPE).read_text().replace("multimodalhugs-pose", "no-corpus")
    (home / "recipes/tiny/broken.toml").write_text(text)
    wanted = ("recipes/tiny/broken.toml", "--set", f"data.root={tmp_path / 'data'}")
    said = slp("extract", *wanted, code=2).stderr
    assert "1 rows cannot be encoded" in said and broken.name in said
    done = slp("extract", *wanted, "--skip-bad")
    assert done.stdout == "0 clips encoded, 119 were there, 1 rows left out\n"
    assert broken.name in done.stderr


def test_nothing_to_extract(slp):
    said = slp("extract", "recipes/tiny/multimodalhugs-pose.toml", code=2).stderr
    assert "there is nothing to extract" in said


@pytest.mark.parametrize("verb", ["info", "verify"])
def test_a_folder_without_features_is_said_to_be_one(slp, tmp_path, verb):
    assert "holds no features" in slp("features", verb, tmp_path, code=2).stderr
