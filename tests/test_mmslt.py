"""MMSLT's recipes: of the published sizes, and trained on a few films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from slp_core.batch import collate
from slp_core.check import check
from slp_core.errors import RecipeError
from slp_core.manifest import read_manifest
from slp_core.pipeline import Pipeline
from slp_core.recipe_file import load_recipe
from slp_train.sketch import sketch

RECIPE = "recipes/mmslt-phoenix14t.toml"
OPTIONS = [
    "data.annotate.0.every=1",
    "data.annotate.0.size=256",
    "stages.0.objectives.0.unmasked_mean=true",
    "stages.0.objectives.0.ignore_duplicates=false",
    "stages.0.objectives.0.gather=true",
    "stages.0.batch_samples=4",
    "stages.0.trainer.bf16=false",
    "stages.1.select=loss",
    "mapper.unmasked=true",
    'mapper.pad="none"',
    "decoder.scale_inputs=false",
    "streams.sign.processor.augment={ crop = 0.125 }",
    "streams.described.processor.rate=25.0",
]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_the_page(root: Path, option: str) -> None:
    check(load_recipe(root / RECIPE, [option]))
    *_, key = option.partition("=")[0].split(".")
    assert key in (root / "docs/systems/mmslt.md").read_text(encoding="utf-8")


def test_the_encoder_reads_what_the_decoder_reads(root: Path) -> None:
    with pytest.raises(RecipeError, match=r"stages\.0\.objectives\.0\.on: .*the encoder reads"):
        check(load_recipe(root / RECIPE, ["stages.0.objectives.0.on=mapper"]))


def test_all_options_at_once(root: Path) -> None:
    check(load_recipe(root / RECIPE, OPTIONS))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The published sizes, in ``config.json`` and nowhere else."""
    from transformers import MBartConfig, ResNetConfig

    home = tmp_path_factory.mktemp("published")
    configs = {
        "streams.sign.encoder": ResNetConfig(
            hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic"
        ),
        "decoder": MBartConfig(
            vocab_size=250054, d_model=1024, encoder_layers=12, decoder_layers=12,
            encoder_ffn_dim=4096, decoder_ffn_dim=4096, encoder_attention_heads=16,
            decoder_attention_heads=16, max_position_embeddings=1024, scale_embedding=True,
        ),
    }  # fmt: skip
    for name, config in configs.items():
        config.save_pretrained(home / name)
    return [f"{name}.model={home / name}" for name in configs]


def test_sizes_are_the_published(root: Path, settings: list[str]) -> None:
    found: dict[str, Any] = sketch(check(load_recipe(root / RECIPE, settings)))
    assert found["unknown"] == {}
    parts = {part["path"]: part for part in found["parts"]}
    described = 512 * 1024 + 1024 + 1024 * 768 + 768
    assert parts["streams.description.mapper"]["parameters"] == described
    assert parts["fusion"]["output"].startswith("b t d=1280")
    convolved = 1280 * 1024 * 5 + 1024 * 1024 * 5 + 2 * (1024 + 2 * 1024)
    adapted = convolved + 2 * (1024 * 1024 + 1024)
    assert parts["mapper"]["parameters"] == adapted
    seen = 11_176_512  # ResNet-18 without the layer that names classes
    assert parts["streams.sign.encoder"]["parameters"] == seen
    lora = 12 * 3 * 4 * 16 * (1024 + 1024)  # q, k, v, out: an encoder's, and two a decoder's
    assert lora == 4_718_592
    pretrain, translate = found["stages"]
    assert translate["trainable"] == seen + adapted + lora
    assert pretrain["trainable"] == seen + adapted + lora + described + 1  # the temperature


def test_what_is_missing_is_listed(slp: Any) -> None:
    said = slp("build", RECIPE, code=2).stderr
    assert "hf download microsoft/resnet-18" in said
    assert "hf download facebook/mbart-large-50-many-to-many-mmt" in said


def test_the_tiny_recipe_trains(slp: Any, tmp_path: Path) -> None:
    stages = [f"stages.{stage}.epochs=1" for stage in range(3)]
    small = [f"data.root={tmp_path / 'data'}", "data.corpus.samples=20",
             "streams.sign.processor.size=32", "evaluation.controls=false", *stages]  # fmt: skip
    settings = [word for one in small for word in ("--set", one)]
    slp("train", "recipes/tiny/mmslt.toml", "--run", tmp_path / "run", *settings)
    logs = {stage: (tmp_path / f"run/{stage}/log.jsonl").read_text()
            for stage in ("see", "pretrain", "translate")}  # fmt: skip
    assert "contrastive.temperature" in logs["pretrain"]
    assert "regression@streams.description.mapper" in logs["pretrain"]
    assert "regression" not in logs["translate"]
    assert json.loads((tmp_path / "run/pretrain/alignment.after.json").read_text())["samples"]
    assert list((tmp_path / "data/features").glob("*.safetensors"))  # once it has learnt to see
    descriptions = tmp_path / "data/annotations/sign-description"
    assert list(descriptions.glob("train-*/*.npy")) and not list(descriptions.glob("test-*"))
    said = slp("translate", tmp_path / "run", next((tmp_path / "data/videos").glob("test-*.mp4")))
    assert said.stdout.strip()  # neither a pose nor a description is needed to translate
    features_stand_beside_what_is_told_of_them(tmp_path)


def features_stand_beside_what_is_told_of_them(home: Path) -> None:
    """A stream may be a trunk and be fused too."""
    pipeline = Pipeline.from_pretrained(home / "run")
    row = read_manifest(home / "data/test.tsv").rows[0]
    trace = pipeline(collate([pipeline.sample(row)]))
    sign, told = trace["streams.sign.encoder"], trace["streams.description.mapper"]
    assert torch.equal(trace["fusion"].values, torch.cat([sign.values, told.values], -1))
    assert "streams.described.encoder" not in trace.outputs
