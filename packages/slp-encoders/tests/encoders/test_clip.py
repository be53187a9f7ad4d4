"""The CLIP encoder against transformers' CLIPModel, with a tiny random model."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import BertConfig, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPVisionModel

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.clip.spec import SPEC, ClipConfig

SIDE, WIDTH, PROJECTED = 32, 16, 12
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole CLIP, text side and all, with weights large enough to tell layers apart."""
    path = tmp_path_factory.mktemp("clip")
    tower = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    vision = {**tower, "hidden_size": WIDTH, "image_size": SIDE, "patch_size": 8}
    text = {**tower, "hidden_size": 8, "vocab_size": 20, "bos_token_id": 1, "eos_token_id": 2}
    config = CLIPConfig(vision_config=vision, text_config=text, projection_dim=PROJECTED)
    torch.manual_seed(0)
    model = CLIPModel(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "vision" in name or "visual" in name:
                weight.add_(0.2 * torch.randn_like(weight))
    model.save_pretrained(path)
    preprocessor = CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size=SIDE, image_mean=MEAN, image_std=STD
    )
    preprocessor.save_pretrained(path)
    return path


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(model: Path | str, **config: Any) -> Any:
    context = Context(path="streams.a.encoder", inputs=typed())
    return SPEC.load()(ClipConfig(str(model), **config), context).eval()


def clips(*lengths: int) -> list[torch.Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


def features(folder: Path, clip: torch.Tensor) -> torch.Tensor:
    """``get_image_features`` of what the checkpoint's own image processor makes of a clip."""
    pixels = CLIPImageProcessor.from_pretrained(folder)([*clip.numpy()], return_tensors="pt")
    found = CLIPModel.from_pretrained(folder).eval().get_image_features(**pixels)
    return found.pooler_output if hasattr(found, "pooler_output") else found


@torch.no_grad()
def test_the_projection_is_get_image_features(folder: Path) -> None:
    samples = clips(5, 1, 3)
    output = built(folder, batch=4)(Sequence.pad(samples, [25.0] * 3))
    assert output.values.shape == (3, 5, PROJECTED) and output.lengths.tolist() == [5, 1, 3]
    for number, clip in enumerate(samples):
        ours, theirs = output.values[number, : len(clip)], features(folder, clip)
        assert torch.allclose(ours, theirs, atol=1e-5) and theirs.std() > 0.1
        assert not output.values[number, len(clip) :].any()


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    """Layer by layer by hand: what each output is, and is not."""
    model = CLIPVisionModel.from_pretrained(folder).eval()
    projection = CLIPModel.from_pretrained(folder).visual_projection
    clip = clips(4)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    states = model.pre_layrnorm(model.embeddings((clip / 255 - mean) / std))
    for layer in model.encoder.layers:
        states = layer(states, attention_mask=None)
        states = states[0] if isinstance(states, tuple) else states
    last = states[:, 0]
    expected = {"last": last, "pooled": model.post_layernorm(last)}
    expected["projection"] = projection(expected["pooled"])
    for output, values in expected.items():
        part = built(folder, output=output)
        assert torch.allclose(part(Sequence.pad([clip], [25.0])).values[0], values, atol=1e-5)
        assert part.sizes() == {"d": values.shape[1]}
    assert not torch.allclose(expected["last"], expected["pooled"], atol=0.1)


def enlarged(pictures: torch.Tensor, scale: int) -> torch.Tensor:
    """Bicubic interpolation as a matrix: Keys' kernel with a = -3/4, pixels' centres aligned,
    the border repeated."""

    def weight(x: float) -> float:
        x, a = abs(x), -0.75
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        return near if x <= 1 else far if x < 2 else 0.0

    matrix = torch.zeros(scale * SIDE, SIDE, dtype=torch.float64)
    for row in range(scale * SIDE):
        centre = (row + 0.5) / scale - 0.5
        for pixel in range(math.floor(centre) - 1, math.floor(centre) + 3):
            matrix[row, min(max(pixel, 0), SIDE - 1)] += weight(centre - pixel)
    return (matrix @ pictures.double() @ matrix.T).float()


@pytest.mark.parametrize("output", ["projection", "pooled", "last"])
@torch.no_grad()
def test_scales_are_s2_by_brute_force(folder: Path, output: str) -> None:
    """Each picture, each scale, each tile by itself; class tokens averaged over the tiles."""
    scales = [1, 2, 3]
    clip = clips(3)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    seen = built(folder, output=output)._vector
    expected = []
    for picture in (clip / 255 - mean) / std:
        wide = []
        for scale in scales:
            large = enlarged(picture, scale)
            tiles = [
                large[:, SIDE * i : SIDE * (i + 1), SIDE * j : SIDE * (j + 1)]
                for i in range(scale)
                for j in range(scale)
            ]
            wide.append(sum(seen(tile[None])[0] for tile in tiles) / len(tiles))
        expected.append(torch.cat(wide))
    part = built(folder, output=output, scales=scales, batch=2)
    found = part(Sequence.pad([clip], [25.0])).values[0]
    assert torch.allclose(found, torch.stack(expected), atol=1e-5)
    assert part.sizes() == {"d": found.shape[1]}
    alone = built(folder, output=output)(Sequence.pad([clip], [25.0])).values[0]
    width = alone.shape[1]
    assert torch.allclose(found[:, :width], alone, atol=1e-5)
    assert not torch.allclose(found[:, width : 2 * width], alone, atol=1e-2)


@torch.no_grad()
def test_spamo_takes_the_class_token_of_two_scales(folder: Path) -> None:
    """As SpaMo: one pass at the first scale, four tiles at the second, before the LayerNorm."""
    clip = clips(2)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    pictures = (clip / 255 - mean) / std
    model = CLIPVisionModel.from_pretrained(folder).eval()

    def last(pixels: torch.Tensor) -> torch.Tensor:
        return model(pixels, output_hidden_states=True).hidden_states[-1][:, 0]

    large = enlarged(pictures, 2)
    halves = slice(None, SIDE), slice(SIDE, None)
    tiles = [last(large[:, :, i, j]) for i in halves for j in halves]
    expected = torch.cat([last(pictures), torch.stack(tiles).mean(0)], -1)
    part = built(folder, output="last", scales=[1, 2])
    assert torch.allclose(part(Sequence.pad([clip], [25.0])).values[0], expected, atol=1e-5)


@pytest.mark.parametrize("scales", [[], [0, 1], [2, 2]])
def test_scales_that_mean_nothing_are_refused(scales: list[int]) -> None:
    with pytest.raises(ValueError, match=r"different scales from 1 are expected, as \[1, 2\]"):
        ClipConfig("x", scales=scales)


@pytest.fixture(scope="module", params=[[1], [1, 2]], ids=["plain", "s2"])
def part(folder: Path, request: pytest.FixtureRequest) -> Any:
    return built(folder, batch=3, scales=request.param)


@settings(deadline=None, max_examples=10)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


@torch.no_grad()
def test_nan_in_the_padding_is_never_seen(part: Any) -> None:
    inputs = Sequence.pad([clip.float() for clip in clips(3, 1)], [25.0] * 2)
    inputs.values[~inputs.mask] = torch.nan
    assert part(inputs).values.isfinite().all()


@pytest.mark.parametrize(
    ("scales", "sizes"), [([1], [3, 3, 2]), ([1, 2], [3] * 5 + [3] * 5 + [2, 3, 3, 2])]
)
@torch.no_grad()
def test_padding_costs_nothing(folder: Path, scales: list[int], sizes: list[int]) -> None:
    part = built(folder, batch=3, scales=scales)
    seen: list[int] = []
    hook = part.network.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(len((*args, *kwargs.values())[0])),
        with_kwargs=True,
    )
    part(Sequence.pad(clips(7, 1), [25.0] * 2))
    hook.remove()
    assert seen == sizes  # tiles, too, are at most a batch at once


def test_gradients_reach_the_network(folder: Path) -> None:
    part = built(folder, batch=2)
    part(Sequence.pad(clips(3, 1), [25.0] * 2)).values.square().sum().backward()
    assert all(weight.grad is not None for weight in part.network.parameters())


@pytest.mark.parametrize("output", ["projection", "pooled"])
@torch.no_grad()
def test_opened_again_without_the_model(folder: Path, tmp_path: Path, output: str) -> None:
    shutil.copytree(folder, tmp_path / "model")
    part = built(tmp_path / "model", output=output)
    (tmp_path / "assets").mkdir()
    part.save_assets(tmp_path / "assets")
    names = {file.name for file in (tmp_path / "assets").iterdir()}
    assert names == {"config.json", "preprocessor_config.json"}
    shutil.rmtree(tmp_path / "model")
    again = SPEC.load()(part.config, Context(inputs=typed(), assets=tmp_path / "assets")).eval()
    again.load_state_dict(part.state_dict())
    inputs = Sequence.pad(clips(2, 3), [25.0] * 2)
    assert torch.equal(again(inputs).values, part(inputs).values)
    assert again.sizes() == part.sizes()


def test_weights_that_are_not_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"(?s)streams\.a\.encoder: .*nobody/none.*hf download"):
        built("nobody/none")
    for name in ("model.safetensors", "config.json", "preprocessor_config.json"):
        broken = tmp_path / f"without-{name}"
        shutil.copytree(folder, broken)
        (broken / name).unlink()
        with pytest.raises(UserError, match="save_pretrained"):
            built(broken)
    shutil.copytree(folder, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be loaded"):
        built(tmp_path / "cut")
    shutil.copytree(folder, tmp_path / "bert")
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(UserError, match="bert model, no CLIP"):
        built(tmp_path / "bert")


def test_weights_that_lack_a_layer_are_refused(folder: Path, tmp_path: Path) -> None:
    CLIPVisionModel.from_pretrained(folder).save_pretrained(tmp_path)  # has no projection
    shutil.copy(folder / "preprocessor_config.json", tmp_path)
    assert built(tmp_path, output="pooled").sizes() == {"d": WIDTH}
    with pytest.raises(UserError, match=r'output = "projection" needs: visual_projection'):
        built(tmp_path)


def rewritten(folder: Path, path: Path, change: Any) -> Path:
    """The model with its weights changed."""
    shutil.copytree(folder, path)
    weights = load_file(path / "model.safetensors")
    change(weights)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return path


@pytest.mark.parametrize("output", ["projection", "last"])
def test_loading_is_strict(folder: Path, tmp_path: Path, output: str) -> None:
    """Missing, extra, and of another shape; but what old checkpoints carry along is no harm."""
    layer = "vision_model.encoder.layers"
    name = f"{layer}.1.mlp.fc1.weight"
    less = rewritten(folder, tmp_path / "less", lambda weights: weights.pop(name))
    with pytest.raises(UserError, match="lacks weights .*layers.1.mlp.fc1.weight"):
        built(less, output=output)
    more = rewritten(
        folder, tmp_path / "more", lambda w: w.update({f"{layer}.2.mlp.fc1.weight": w[name] + 1})
    )
    with pytest.raises(UserError, match="does not tell of: .*layers.2.mlp.fc1.weight"):
        built(more, output=output)
    narrow = rewritten(folder, tmp_path / "narrow", lambda w: w.update({name: w[name][:5].clone()}))
    with pytest.raises(UserError, match="of another shape .*layers.1.mlp.fc1.weight"):
        built(narrow, output=output)
    positions = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    old = rewritten(folder, tmp_path / "old", lambda w: w.update(positions))
    assert built(old, output=output).sizes()


def test_pictures_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="32 x 32 pixels, the processor gives 64 x 64"):
        SPEC.load()(ClipConfig(str(folder)), Context(inputs=typed(64)))


def test_mean_and_std_are_the_checkpoints(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "preprocessor_config.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps({**written, "image_mean": [0.1, 0.2, 0.3]}))
    assert built(tmp_path).mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert "mean" not in built(tmp_path).state_dict()


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(ClipConfig("x"), typed())
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
    assert output.dtype == "float32" and output.modality is None and output.rate == typed().rate
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(ClipConfig("x"), typed().to(dtype="float32"))
    with pytest.raises(TypeMismatch, match="`b t c h w` is needed"):
        SPEC.signature(ClipConfig("x"), TensorType("b t d"))
