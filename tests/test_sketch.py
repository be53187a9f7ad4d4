"""``slp check --meta`` and ``slp build`` where weights are missing: what is told without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slp_core.build import build
from slp_core.check import check
from slp_core.display import describe
from slp_core.errors import MissingWeights
from slp_core.manifest import read_manifest, write_manifest
from slp_core.recipe_file import load_recipe
from slp_train.sketch import human, render, sketch

GIB = 2**30
SPAMO = """
[recipe]
schema = 1
name = "spamo"

[data]
train = "train.tsv"

[streams.spatial]
signal = "video"
mapper = { use = "linear", dim = 768, norm = "none" }

[streams.spatial.encoder]
use = "clip"
model = "openai/clip-vit-large-patch14"
output = "last"
scales = [1, 2]

[streams.motion]
signal = "video"
encoder = { use = "videomae", model = "MCG-NJU/videomae-large", window = 16, stride = 8 }
mapper = { use = "linear", dim = 768, norm = "none" }

[fusion]
use = "concat"
axis = "time"

[mapper]
use = "sign-adapter"

[decoder]
use = "seq2seq"
model = "google/flan-t5-xl"
dtype = "bfloat16"
lora = { rank = 16, alpha = 32, targets = ["q", "v"] }
encoder_prompt = "{signs} Translate the given sentence into German. {examples}"
examples = { template = "{text_en}={text}" }

[[stages]]
name = "align"
train = ["streams.*.mapper", "mapper"]
objectives = [{ use = "contrastive" }]
steps = 4000

[[stages]]
name = "translate"
train = ["streams.*.mapper", "mapper", "decoder.lora"]
objectives = [{ use = "cross-entropy" }, { use = "contrastive" }]
epochs = 40
"""
PUBLISHED = {
    "streams.spatial.encoder": "openai/clip-vit-large-patch14",
    "streams.motion.encoder": "MCG-NJU/videomae-large",
    "decoder": "google/flan-t5-xl",
}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "spamo.toml").write_text(SPAMO)
    return tmp_path / "spamo.toml"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the sizes of the published models in ``config.json``, and nothing else."""
    from transformers import CLIPConfig, LlamaConfig, T5Config, VideoMAEConfig

    large: dict[str, Any] = {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    }
    xl: dict[str, Any] = {
        "vocab_size": 32128,
        "d_model": 2048,
        "d_kv": 64,
        "d_ff": 5120,
        "num_layers": 24,
        "num_heads": 32,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "decoder_start_token_id": 0,
    }
    configs = {
        "streams.spatial.encoder": CLIPConfig(
            text_config={}, vision_config={**large, "patch_size": 14}, projection_dim=768
        ),
        "streams.motion.encoder": VideoMAEConfig(**large),
        "decoder": T5Config(**xl),
        "llama": LlamaConfig(
            vocab_size=32000,
            hidden_size=4096,
            intermediate_size=11008,
            num_hidden_layers=32,
            num_attention_heads=32,
        ),
    }
    home = tmp_path_factory.mktemp("published")
    for name, config in configs.items():
        config.save_pretrained(home / name)
        assert [file.name for file in (home / name).iterdir()] == ["config.json"]
    return {name: home / name for name in configs}


def sketched(recipe: Path, *settings: str) -> dict[str, Any]:
    return sketch(check(load_recipe(recipe, settings)))


def here(folders: dict[str, Path], *paths: str) -> list[str]:
    return [f"{path}.model={folders[path]}" for path in paths]


def by_path(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["path"]: part for part in found["parts"]}


# -- what is known -------------------------------------------------------------------------------


def test_spamos_sizes_are_the_published(recipe, folders):
    found = sketched(recipe, *here(folders, *PUBLISHED))
    assert found["unknown"] == {}
    parts = by_path(found)
    lora = 16 * 2 * (2048 + 2048) * 24 * 3  # A and B of q and v, in an encoder and two in a decoder
    assert lora == 9_437_184
    assert parts["decoder"]["parameters"] == 2_849_757_184 + lora
    assert parts["streams.spatial.encoder"]["parameters"] == 303_179_776
    assert parts["streams.spatial.encoder"]["output"].startswith("b t d=2048 ")
    assert parts["mapper"]["inputs"] == ["b t d=768"]
    assert parts["mapper"]["output"] == "b t d=2048"
    assert len(parts["fusion"]["inputs"]) == 2
    assert parts["streams.motion.processor"]["parameters"] == 0
    align, translate = found["stages"]
    assert translate["trainable"] == 23_472_129
    assert align["trainable"] == 23_472_129 - lora
    assert align["whole"] and translate["whole"]
    total = (
        translate["trainable"] - 1 + translate["frozen"]
    )  # the contrastive temperature is a loss's
    assert total == align["trainable"] - 1 + align["frozen"] == found["parameters"]


def test_memory_is_counted_in_each_weights_dtype(recipe, folders):
    found = sketched(recipe, *here(folders, *PUBLISHED))
    decoder = by_path(found)["decoder"]
    lora = 9_437_184  # float32 beside bfloat16
    assert 0 <= decoder["bytes"] - 2 * decoder["parameters"] - 2 * lora < 4096  # buffers: ids
    assert decoder["dtypes"] == ["bfloat16", "float32"]
    wide = by_path(sketched(recipe, *here(folders, *PUBLISHED), "decoder.dtype=float32"))
    assert wide["decoder"]["bytes"] > 4 * 2_849_757_184
    align, translate = found["stages"]
    assert align["gradients"] == 4 * align["trainable"]
    assert translate["gradients"] == 4 * translate["trainable"]
    assert align["adam"] == 8 * align["trainable"]
    assert translate["adam"] == 2 * translate["gradients"] > align["adam"]
    assert found["bytes"] < translate["weights"] < found["bytes"] + 64  # and the temperature


@pytest.mark.parametrize("quantize", ["", "4bit"])
def test_llama(recipe, folders, quantize):
    text = SPAMO.partition("[decoder]")[0] + (
        f'[decoder]\nuse = "causal-lm"\nmodel = "{folders["llama"]}"\ndtype = "bfloat16"\n'
        'prompt = "Translate the following sign sentence into German: {signs}"\n'
        + (f'quantize = "{quantize}"\n' if quantize else "")
    )
    recipe.write_text(text)
    found = sketched(recipe, *here(folders, "streams.spatial.encoder", "streams.motion.encoder"))
    assert found["unknown"] == {}
    decoder = by_path(found)["decoder"]
    assert decoder["parameters"] == 6_738_415_616
    assert decoder["dtypes"] == ["bfloat16"]
    assert by_path(found)["mapper"]["output"] == "b t d=4096"


def test_what_is_sketched_is_what_is_built(tmp_path, recipe):
    # Of small checkpoints with their weights, and training rows: the real pipeline's numbers.
    write_manifest(tmp_path / "train.tsv", ("video", "text"), [("a.mp4", "ein Wort")])
    text = SPAMO.replace('"train.tsv"', f'"{tmp_path}/train.tsv"').partition("[decoder]")
    recipe.write_text(
        text[0]
        + '[decoder]\nuse = "seq2seq"\nscratch = { dim = 16, layers = 1, heads = 2 }\n'
        + "lora = { rank = 2, targets = ['q_proj'] }\n"
        + text[2].partition("}\n\n")[2].replace("contrastive", "cross-entropy", 1)
    )
    settings = here(_tiny(tmp_path), "streams.spatial.encoder", "streams.motion.encoder")
    settings += ["streams.spatial.processor={use='video', size=32}"]
    settings += ["streams.motion.processor={use='video', size=32}"]
    found = sketched(recipe, *settings)
    plan = check(load_recipe(recipe, settings))
    pipeline = build(plan, train=read_manifest(tmp_path / "train.tsv"))
    real = describe(pipeline)
    assert found["unknown"] == {}
    assert [(p["path"], p["parameters"], p["output"]) for p in found["parts"]] == [
        (p["path"], p["parameters"], p["output"]) for p in real["parts"]
    ]
    weights = [*pipeline.parameters(), *pipeline.buffers()]
    assert found["bytes"] == sum(w.numel() * w.element_size() for w in weights)
    contrastive = [1 * ("contrastive" in stage["objectives"]) for stage in real["stages"]]
    assert [s["trainable"] for s in found["stages"]] == [
        s["trainable"] + own for s, own in zip(real["stages"], contrastive, strict=True)
    ]
    assert [s["frozen"] for s in found["stages"]] == [s["frozen"] for s in real["stages"]]


def _tiny(folder: Path) -> dict[str, Path]:
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        CLIPVisionModel,
        VideoMAEConfig,
        VideoMAEModel,
    )

    small: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 16,
    }
    networks = {
        "streams.spatial.encoder": CLIPVisionModel(CLIPVisionConfig(**small)),
        "streams.motion.encoder": VideoMAEModel(VideoMAEConfig(**small)),
    }
    for name, network in networks.items():
        network.save_pretrained(folder / name)
        CLIPImageProcessor(size=32, crop_size=32).save_pretrained(folder / name)
    return {name: folder / name for name in networks}


# -- what is missing -----------------------------------------------------------------------------


def test_without_configurations_the_rest_is_told(recipe, folders):
    found = sketched(recipe, *here(folders, "streams.spatial.encoder"))
    parts = by_path(found)
    assert parts["streams.spatial.encoder"]["parameters"] == 303_179_776
    assert parts["streams.spatial.mapper"]["parameters"] == 2048 * 768 + 768
    for path in ("streams.motion.encoder", "decoder"):
        said = found["unknown"][path]
        assert f"hf download {PUBLISHED[path]} config.json" in said
        assert f"{path}.model" in said
        assert parts[path]["parameters"] is None
    for path in ("streams.motion.mapper", "mapper"):
        assert found["unknown"][path] == "has a width that is known once the parts beside it are"
    assert set(found["unknown"]) == {
        "streams.motion.encoder",
        "streams.motion.mapper",
        "mapper",
        "decoder",
    }
    assert not any(stage["whole"] for stage in found["stages"])


CASCADE = """[decoder]
use = "cascade"
first = { target = "gloss", dim = 512 }

[decoder.then]
use = "causal-lm"
model = "MODEL"
prompt = "{signs}"
lora = { rank = 4, targets = ["q_proj"] }

[[stages]]
name = "language"
train = ["decoder.then.lora"]
objectives = [{ use = "cross-entropy" }]
steps = 1
"""


def test_of_a_cascade_without_rows_the_language_model_is_told(recipe, folders):
    recipe.write_text(
        SPAMO.partition("[decoder]")[0] + CASCADE.replace("MODEL", str(folders["llama"]))
    )
    found = sketched(recipe, *here(folders, "streams.spatial.encoder", "streams.motion.encoder"))
    parts = by_path(found)
    lora = 4 * 2 * 4096 * 32
    assert parts["decoder"]["parameters"] is None
    assert parts["decoder.then"]["parameters"] == 6_738_415_616 + lora
    assert parts["decoder.then"]["part"] == "causal-lm"
    assert [*found["unknown"]] == ["decoder"]
    assert (
        "decoder.first: the units of the column `gloss` are learnt from"
        in found["unknown"]["decoder"]
    )
    (language,) = found["stages"]
    assert language["trainable"] == lora and not language["whole"]


def test_build_names_what_the_parts_of_a_cascade_lack(recipe):
    recipe.write_text(SPAMO.partition("[decoder]")[0] + CASCADE.replace("MODEL", "an/llm"))
    with pytest.raises(MissingWeights) as error:
        build(check(load_recipe(recipe)))
    lines = str(error.value).splitlines()
    assert "3 checkpoints" in lines[0] and "  decoder.then.model: hf download an/llm" in lines


def test_build_names_every_checkpoint_that_is_missing(recipe):
    plan = check(load_recipe(recipe))
    with pytest.raises(MissingWeights) as error:
        build(plan)
    lines = str(error.value).splitlines()
    for path, name in PUBLISHED.items():
        assert f"  {path}.model: hf download {name}" in lines
    assert "3 checkpoints" in lines[0]
    assert "--set streams.spatial.encoder.model=FOLDER" in lines[-1]


def test_one_that_is_missing_is_told_as_before(recipe, tmp_path):
    tiny = _tiny(tmp_path)
    settings = here(tiny, "streams.spatial.encoder", "streams.motion.encoder")
    settings += ["streams.spatial.processor={use='video', size=32}"]
    settings += ["streams.motion.processor={use='video', size=32}"]
    with pytest.raises(MissingWeights, match=r"^decoder\.model: .*`hf download google/flan-t5-xl`"):
        build(check(load_recipe(recipe, settings)))


# -- the commands --------------------------------------------------------------------------------


def test_the_commands(recipe, folders, monkeypatch, capsys):
    from slp_cli import main as command

    def slp(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["slp", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    known = [word for one in here(folders, *PUBLISHED) for word in ("--set", one)]
    code, out, _ = slp("check", "--meta", str(recipe), *known)
    assert code == 0
    for said in ("303,179,776", "23,472,129", "2,859,194,368", "5.3 GiB", "sign-adapter"):
        assert said in out, said
    code, out, _ = slp("check", "--meta", str(recipe), *known[:2])
    assert code == 2
    assert (
        "decoder: google/flan-t5-xl is not there; hf download google/flan-t5-xl config.json" in out
    )
    code, out, _ = slp("check", "--meta", "--json", str(recipe), *known)
    found = json.loads(out)[str(recipe)]["meta"]
    assert code == 0 and found["stages"][1]["trainable"] == 23_472_129
    code, out, err = slp("build", str(recipe))
    assert code == 2 and "Traceback" not in err
    assert all(f"hf download {name}\n" in err for name in PUBLISHED.values())


def test_the_path_of_what_is_unknown_is_told_once(recipe, folders, capsys):
    recipe.write_text(
        SPAMO.partition("[decoder]")[0] + CASCADE.replace("MODEL", str(folders["llama"]))
    )
    render(sketched(recipe, *here(folders, "streams.spatial.encoder")))
    said = capsys.readouterr().out
    assert "\nstreams.motion.encoder: MCG-NJU/videomae-large is not there" in said
    assert "\ndecoder.first: the units of the column" in said


def test_bytes_as_people_read_them():
    assert [human(size) for size in (0, 1023, 1536, 5 * 2**20, 5.3 * GIB, 2000 * GIB)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 MiB",
        "5.3 GiB",
        "2000.0 GiB",
    ]
