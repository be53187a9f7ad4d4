"""The DINOv2 encoder against transformers' own forward, with tiny random models."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    BitImageProcessor,
    CLIPVisionConfig,
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.dinov2.spec import SPEC, DinoV2Config

SIDE, PATCH, WIDTH, REGISTERS = 32, 8, 16, 3
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]
TOWER: Any = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}


def saved(model: Any, path: Path) -> Path:
    """A model with weights large enough to tell layers and tokens apart."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    model.save_pretrained(path)
    preprocessor = BitImageProcessor(
        size={"shortest_edge": SIDE}, crop_size=SIDE, image_mean=MEAN, image_std=STD
    )
    preprocessor.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(Dinov2Model(Dinov2Config(**TOWER)), tmp_path_factory.mktemp("dinov2"))


@pytest.fixture(scope="module")
def registers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = Dinov2WithRegistersConfig(**TOWER, num_register_tokens=REGISTERS)
    return saved(Dinov2WithRegistersModel(config), tmp_path_factory.mktemp("registers"))


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(model: Path, side: int = SIDE, **config: Any) -> Any:
    context = Context(path="streams.a.encoder", inputs=typed(side))
    return SPEC.load()(DinoV2Config(str(model), **config), context).eval()


def clips(*lengths: int, side: int = SIDE) -> list[torch.Tensor]:
    return [torch.randint(256, (n, 3, side, side), dtype=torch.uint8) for n in lengths]


@torch.no_grad()
def test_cls_is_the_pooled_output_of_what_the_checkpoints_processor_gives(plain: Path) -> None:
    samples = clips(5, 1, 3)
    output = built(plain, batch=4)(Sequence.pad(samples, [25.0] * 3))
    assert output.values.shape == (3, 5, WIDTH) and output.lengths.tolist() == [5, 1, 3]
    model = Dinov2Model.from_pretrained(plain).eval()
    for number, clip in enumerate(samples):
        pixels = BitImageProcessor.from_pretrained(plain)([*clip.numpy()], return_tensors="pt")
        theirs = model(**pixels).pooler_output
        assert torch.allclose(output.values[number, : len(clip)], theirs, atol=1e-5)
        assert theirs.std() > 0.1
        assert not output.values[number, len(clip) :].any()


@pytest.mark.parametrize("prefix", [1, 1 + REGISTERS])
@torch.no_grad()
def test_which_tokens_of_which_layer_are_taken(plain: Path, registers: Path, prefix: int) -> None:
    """Layer by layer by hand, patches counted from the end."""
    path, kind = (plain, Dinov2Model) if prefix == 1 else (registers, Dinov2WithRegistersModel)
    model: Any = kind.from_pretrained(path).eval()
    clip = clips(4)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    states = model.embeddings((clip / 255 - mean) / std)
    for layer in model.encoder.layer:
        states = layer(states)
        states = states[0] if isinstance(states, tuple) else states
    last = model.layernorm(states)
    patches = (SIDE // PATCH) ** 2
    assert last.shape[1] == prefix + patches
    for output, values in {"cls": last[:, 0], "patch-mean": last[:, -patches:].mean(1)}.items():
        part = built(path, output=output)
        found = part(Sequence.pad([clip], [25.0])).values[0]
        assert torch.allclose(found, values, atol=1e-5)
        assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(last[:, 0], states[:, 0], atol=0.1)
    assert not torch.allclose(last.mean(1), last[:, -patches:].mean(1), atol=1e-2)


@pytest.fixture(scope="module", params=["cls", "patch-mean"])
def part(registers: Path, request: pytest.FixtureRequest) -> Any:
    return built(registers, batch=3, output=request.param)


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
def test_pictures_of_more_patches_are_seen(plain: Path) -> None:
    """DINOv2 stretches its positions: it was trained at 518 pixels and is used at 224."""
    clip = clips(2, side=48)[0]
    found = built(plain, side=48)(Sequence.pad([clip], [25.0])).values[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    theirs = Dinov2Model.from_pretrained(plain).eval()((clip / 255 - mean) / std).pooler_output
    assert torch.allclose(found, theirs, atol=1e-5)
    with pytest.raises(UserError, match=r"patches of 8 x 8 .* 30 x 30; .* a multiple of 8"):
        built(plain, side=30)


@torch.no_grad()
def test_opened_again_without_the_model(registers: Path, tmp_path: Path) -> None:
    shutil.copytree(registers, tmp_path / "model")
    part = built(tmp_path / "model", output="patch-mean")
    (tmp_path / "assets").mkdir()
    part.save_assets(tmp_path / "assets")
    shutil.rmtree(tmp_path / "model")
    again = SPEC.load()(part.config, Context(inputs=typed(), assets=tmp_path / "assets")).eval()
    again.load_state_dict(part.state_dict())
    inputs = Sequence.pad(clips(2, 3), [25.0] * 2)
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_a_classifier_on_top_is_left_out(tmp_path: Path) -> None:
    whole = Dinov2ForImageClassification(Dinov2Config(**TOWER))
    part = built(saved(whole, tmp_path))
    ours, theirs = part.network.state_dict(), whole.dinov2.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_hidden_layers": 3}, 'lacks weights that output = "cls" needs: encoder.layer.2'),
        ({"num_hidden_layers": 1}, "does not tell of: encoder.layer.1"),
        ({"mlp_ratio": 3}, "of another shape than its config.json says: encoder.layer.0.mlp"),
    ],
)
def test_weights_and_configuration_that_differ_are_refused(
    plain: Path, tmp_path: Path, changed: dict[str, int], message: str
) -> None:
    shutil.copytree(plain, tmp_path, dirs_exist_ok=True)
    Dinov2Config(**{**TOWER, **changed}).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=message):
        built(tmp_path)


def test_other_models_are_refused(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path, dirs_exist_ok=True)
    CLIPVisionConfig().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="clip_vision_model model, no DINOv2"):
        built(tmp_path)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(DinoV2Config("x"), typed())
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
    assert output.dtype == "float32" and output.modality is None and output.rate == Rate()
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(DinoV2Config("x"), typed().to(dtype="float32"))
