"""Every shipped recipe fits; the tiny ones train."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from safetensors.torch import load_file

from slp_core.check import check
from slp_core.recipe_file import load_recipe

RECIPES = sorted((Path(__file__).parent.parent / "recipes").rglob("*.toml"))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_it_checks(file):
    check(load_recipe(file))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_its_first_line_is_the_command_that_runs_it(file):
    name = file.relative_to(file.parents[len(file.parents) - len(RECIPES[0].parents)])
    first = file.read_text().splitlines()[0]
    assert first.startswith("# slp train recipes/") and file.name in first, name


def test_the_tiny_one_leaves_a_whole_run(home):
    run = home / "runs/quickstart"
    for name in ("recipe.toml", "provenance.json", "metrics.json", "predictions.tsv",
                 "report.html", "pipeline/model.safetensors", "translate/log.jsonl"):  # fmt: skip
        assert (run / name).is_file(), name
    facts = json.loads((run / "provenance.json").read_text())
    assert facts["seed"] == 0 and facts["data"]["train"]["rows"] > 50
    assert facts["parts"]["decoder"] == {
        "part": "seq2seq",
        "package": "slp-llm",
        "version": "0.1.0",
    }


def tiny_clip(folder: Path) -> Path:
    """A small random CLIP on disk, as a checkpoint is."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPTextConfig,
        CLIPVisionConfig,
    )

    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    text = CLIPTextConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=64,
    )
    config = CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16
    )
    CLIPModel(config).save_pretrained(folder)
    size = {"shortest_edge": 32}
    CLIPImageProcessor(size=size, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["video", "pixel-text"])
def test_the_tiny_image_recipes_train(slp, home, name):
    tiny_clip(home / "models/tiny-clip")
    recipe = f"recipes/tiny/multimodalhugs-{name}.toml"
    slp("train", recipe, "--set", "stages.0.epochs=1")
    scored = json.loads((home / f"runs/tiny-multimodalhugs-{name}/metrics.json").read_text())
    assert "nearest sentence" in json.dumps(scored)


def test_the_tiny_vq_sign_recipe_trains(slp, home):
    slp("train", "recipes/tiny/vq-sign.toml", "--set", "stages.0.epochs=1", "--set",
        "stages.0.trainer.logging_steps=1", "--set", "evaluation.controls=false")  # fmt: skip
    run = home / "runs/tiny-vq-sign"
    logs = [json.loads(line) for line in (run / "characters/log.jsonl").read_text().splitlines()]
    perplexities = [one["streams.pose.tokenizer.perplexity"] for one in logs if "loss" in one]
    assert len(perplexities) > 3 and all(16 < one <= 64.01 for one in perplexities)
    assert (run / "metrics.json").is_file()


def small(tmp_path: Path, stages: int, *more: str) -> list[str]:
    """Settings that make a tiny recipe on videos one of half a minute."""
    settings = [
        f"data.root={tmp_path / 'data'}",
        "data.corpus.samples=20",
        "evaluation.controls=false",
        *(f"stages.{stage}.epochs=1" for stage in range(stages)),
        *more,
    ]
    return [word for setting in settings for word in ("--set", setting)]


def test_the_tiny_spamo_recipe_trains(slp, home, tmp_path):
    slp("train", "recipes/tiny/spamo.toml", "--run", tmp_path / "run",
        *small(tmp_path, 3, "streams.pictures.processor.size=32"))  # fmt: skip
    for stage in ("vt-align", "translate"):
        for when in ("before", "after"):
            assert json.loads((tmp_path / f"run/{stage}/alignment.{when}.json").read_text())
    assert not list((tmp_path / "run/see").glob("alignment.*"))
    assert list((tmp_path / "data/features").glob("*.safetensors"))  # once they have learnt to see
    logs = (tmp_path / "run/translate/log.jsonl").read_text()
    assert "contrastive.temperature" in logs
    # One step of 1e-3, then one of a warm-up that begins at 1e-5: it goes on where it was.
    learnt, last = (scale_of(tmp_path / "run" / stage) for stage in ("vt-align", "translate"))
    assert abs(learnt - math.log(1 / 0.07)) > 5e-4 > 1e-4 > abs(last - learnt)
    said = slp("translate", tmp_path / "run", next((tmp_path / "data/videos").glob("*.mp4")))
    assert said.stdout.strip()  # no pose is needed to translate


def scale_of(stage: Path) -> float:
    """The logarithm of the contrastive objective's inverse temperature at a stage's end."""
    (scale,) = load_file(stage / "objectives.safetensors").values()
    return float(scale)


def test_the_tiny_signllm_recipe_trains(slp, home, tmp_path):
    slp("train", "recipes/tiny/signllm.toml", "--run", tmp_path / "run",
        *small(tmp_path, 2, "streams.clips.processor.size=80", "stages.3.epochs=1",
               "streams.sign.tokenizer.codes=16"))  # fmt: skip
    told = json.loads((tmp_path / "run/words/fit.json").read_text())["streams.sign.mapper"]
    assert told["part"] == "cra"
    logs = (tmp_path / "run/translate/log.jsonl").read_text()
    assert "streams.sign.tokenizer.perplexity" in logs and '"mmd"' in logs
    assert "<svg" in (tmp_path / "run/report.html").read_text()


def test_the_tiny_signbind_recipe_trains(slp, home, tmp_path):
    poses = f'"{tmp_path / "data/poses"}"'
    slp("train", "recipes/tiny/signbind.toml", "--run", tmp_path / "run",
        *small(tmp_path, 6, f"streams.frames.processor.poses={poses}",
               f"streams.mouths.processor.poses={poses}"))  # fmt: skip
    logs = [json.loads(line) for line in (tmp_path / "run/lips/log.jsonl").open()]
    assert any("ctc@streams.lips.mapper.error rate" in one for one in logs)
    told = json.loads((tmp_path / "run/fuse/routes.json").read_text())
    assert told["routes"] == ["signing", "fingerspelling", "rest"] and 0 <= told["auc"]["sign"] <= 1
    film = next((tmp_path / "data/videos").glob("*.mp4"))
    said = json.loads(slp("translate", tmp_path / "run", film, "--json").stdout)
    experts = {f"streams.{name}.mapper" for name in ("signing", "fingerspelling", "lips")}
    assert said["transcripts"].keys() == experts | {"decoder.first"}
    evaluated = json.loads((tmp_path / "run/metrics.json").read_text())["readings"]
    read = {one["part"]: one["column"] for one in evaluated}
    assert read["streams.signing.mapper"] == read["decoder.first"] == "gloss"  # before, and after


def test_the_tiny_features_recipe_trains(slp, home, tmp_path):
    import numpy as np

    rng = np.random.default_rng(0)
    for split, rows in (("train", 12), ("validation", 4), ("test", 4)):
        lines = ["id\tfeatures.i3d\ttext"]
        for number in range(rows):
            name = f"{split}-{number}"
            np.save(tmp_path / f"{name}.npy", rng.normal(size=(9 + number, 16)).astype("f"))
            lines.append(f"{name}\t{name}.npy\tsentence {split} {number % 3}")
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    recipe = home / "features.toml"
    base = home / "recipes/tiny/multimodalhugs-features.toml"
    text = f'extends = "{base}"\n[data]\nroot = "{tmp_path}"\n'
    recipe.write_text(text)
    # The base makes a synthetic corpus; these manifests are there already.
    slp("train", recipe, "--run", tmp_path / "run", "--set", "data.corpus=0", code=2)
    whole = (home / "recipes/tiny/multimodalhugs-pose.toml").read_text()
    whole = "\n".join(line for line in whole.splitlines() if not line.startswith("corpus"))
    (home / "recipes/tiny/base.toml").write_text(whole)
    text = base.read_text().replace("multimodalhugs-pose.toml", "base.toml")
    (home / "recipes/tiny/features.toml").write_text(text)
    slp("train", "recipes/tiny/features.toml", "--run", tmp_path / "run",
        "--set", f"data.root={tmp_path}")  # fmt: skip
    assert json.loads((tmp_path / "run/metrics.json").read_text())


def test_a_trained_pipeline_is_not_changed_by_a_setting(slp, home):
    """`--set decoder...` would be read and have no effect: it is refused."""
    done = slp("evaluate", "runs/quickstart", "--set", "decoder.generation.num_beams=1", code=2)
    assert "evaluation.generation" in done.stderr


def test_two_processes_train_as_one(slp, home):
    """The whole command under torchrun: one run, every test sentence scored once."""
    slp("train", "recipes/tiny/multimodalhugs-pose.toml", "--set", "recipe.name=two", processes=2)
    two, one = (json.loads((home / f"runs/{name}/metrics.json").read_text())
                for name in ("two", "quickstart"))  # fmt: skip
    assert two["scored"] == one["scored"] == two["samples"]
    assert (home / "runs/two/report.html").is_file()
