"""The SigLIP encoder against transformers' SiglipModel, with a tiny random model."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import SiglipConfig as TheirConfig
from transformers import SiglipImageProcessor, SiglipModel, SiglipVisionModel

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Symbol, TensorType
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.siglip.spec import SPEC, SiglipConfig

SIDE, WIDTH = 32, 16
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("siglip")
    tower = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    vision = {**tower, "hidden_size": WIDTH, "image_size": SIDE, "patch_size": 8}
    text = {**tower, "hidden_size": WIDTH, "vocab_size": 20}
    torch.manual_seed(0)
    model = SiglipModel(TheirConfig(vision_config=vision, text_config=text))
    with torch.no_grad():
        for weight in model.vision_model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    model.save_pretrained(path)
    preprocessor = SiglipImageProcessor(
        size={"height": SIDE, "width": SIDE}, image_mean=MEAN, image_std=STD
    )
    preprocessor.save_pretrained(path)
    return path


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(model: Path, side: int = SIDE, **config: Any) -> Any:
    context = Context(path="streams.a.encoder", inputs=typed(side))
    return SPEC.load()(SiglipConfig(str(model), **config), context).eval()


def clips(*lengths: int) -> list[torch.Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


@torch.no_grad()
def test_pooled_is_get_image_features(folder: Path) -> None:
    samples = clips(5, 1, 3)
    output = built(folder, batch=4)(Sequence.pad(samples, [25.0] * 3))
    model = SiglipModel.from_pretrained(folder).eval()
    for number, clip in enumerate(samples):
        pixels = SiglipImageProcessor.from_pretrained(folder)([*clip.numpy()], return_tensors="pt")
        theirs = model.get_image_features(**pixels)
        theirs = theirs.pooler_output if hasattr(theirs, "pooler_output") else theirs
        assert torch.allclose(output.values[number, : len(clip)], theirs, atol=1e-5)
        assert theirs.std() > 0.1
        assert not output.values[number, len(clip) :].any()


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    model = SiglipVisionModel.from_pretrained(folder).eval()
    clip = clips(4)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    states = model.embeddings((clip / 255 - mean) / std)
    for layer in model.encoder.layers:
        states = layer(states, attention_mask=None)
        states = states[0] if isinstance(states, tuple) else states
    normed = model.post_layernorm(states)
    for output, values in {"pooled": model.head(normed), "patch-mean": normed.mean(1)}.items():
        part = built(folder, output=output)
        assert torch.allclose(part(Sequence.pad([clip], [25.0])).values[0], values, atol=1e-5)
        assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(states.mean(1), normed.mean(1), atol=0.1)


@pytest.fixture(scope="module", params=["pooled", "patch-mean"])
def part(folder: Path, request: pytest.FixtureRequest) -> Any:
    return built(folder, batch=3, output=request.param)


@settings(deadline=None, max_examples=10)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


@torch.no_grad()
def test_nan_in_the_padding_is_never_seen(part: Any) -> None:
    inputs = Sequence.pad([clip.float() for clip in clips(3, 1)], [25.0] * 2)
    inputs.values[~inputs.mask] = torch.nan
    assert part(inputs).values.isfinite().all()


@torch.no_grad()
def test_opened_again_without_the_model(part: Any, tmp_path: Path) -> None:
    part.save_assets(tmp_path)
    again = SPEC.load()(part.config, Context(inputs=typed(), assets=tmp_path)).eval()
    again.load_state_dict(part.state_dict())
    inputs = Sequence.pad(clips(2, 3), [25.0] * 2)
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_a_model_without_the_pooling_head(folder: Path, tmp_path: Path) -> None:
    config = SiglipVisionModel.from_pretrained(folder).config
    config.vision_use_head = False
    SiglipVisionModel(config).save_pretrained(tmp_path)
    shutil.copy(folder / "preprocessor_config.json", tmp_path)
    assert built(tmp_path, output="patch-mean").sizes() == {"d": WIDTH}
    with pytest.raises(UserError, match=r'lacks weights that output = "pooled" needs: head'):
        built(tmp_path)


def test_pictures_of_another_size_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="32 x 32 pixels, the processor gives 64 x 64"):
        built(folder, side=64)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(SiglipConfig("x"), typed())
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
