"""The lip encoder: transformers' own ViT on each frame, then convolutions written out."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor, ViTModel

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.lips.spec import SPEC, LipsConfig, ViTScratch

from .tiny import reopened

SIDE, DIM = 16, 6
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]
SIZES: Any = {
    "image_size": SIDE, "patch_size": 8, "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 16,
}  # fmt: skip


def saved(path: Path, kind: Any = ViTForImageClassification) -> Path:
    torch.manual_seed(0)
    model = kind(ViTConfig(**SIZES))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    model.save_pretrained(path)
    size = {"height": SIDE, "width": SIDE}
    ViTImageProcessor(size=size, image_mean=MEAN, image_std=STD).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("vit"))


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(folder: Path | None = None, side: int = SIDE, **config: Any) -> Any:
    torch.manual_seed(1)
    context = Context(path="streams.lips.encoder", inputs=typed(side))
    config = {"model": folder and str(folder), "dim": DIM, **config}
    part = SPEC.load()(LipsConfig(**config), context).eval()
    with torch.no_grad():
        for weight in part.convolutions.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return part


def clips(*lengths: int) -> list[Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


def batch(*samples: Tensor) -> Sequence:
    return Sequence.pad(samples, [25.0] * len(samples))


def tokens(folder: Path, frames: Tensor) -> Tensor:
    """``t (class patches) d``, by transformers."""
    pixels = ViTImageProcessor.from_pretrained(folder)([*frames.numpy()], return_tensors="pt")
    return ViTForImageClassification.from_pretrained(folder).eval().vit(**pixels).last_hidden_state


def halved(layer: Any, steps: list[Tensor]) -> list[Tensor]:
    """The convolution one kernel place at a time, LayerNorm by its formula."""
    weight, bias = layer.convolution.weight, layer.convolution.bias
    kernel, made = weight.shape[-1], []
    for first in range(0, len(steps) - kernel + 1, 2):
        step = bias + sum(weight[:, :, k] @ steps[first + k] for k in range(kernel))
        step = (step - step.mean()) / (step.var(correction=0) + 1e-5).sqrt()
        made.append((step * layer.norm.weight + layer.norm.bias).clamp(min=0))
    return made


@torch.no_grad()
@pytest.mark.parametrize(("downsample", "window", "steps"), [(2, 5, 9), (4, 9, 4), (8, 17, 2)])
def test_each_step_is_as_written_out(
    folder: Path, downsample: int, window: int, steps: int
) -> None:
    part, samples = built(folder, downsample=downsample, batch=4), clips(20, 3)
    output = part(batch(*samples))
    assert output.lengths.tolist() == [steps, 1]
    assert output.rate.tolist() == [25 / downsample] * 2
    assert part.receptive_field == ReceptiveField(window, downsample)
    for number, clip in enumerate(samples):
        frames = tokens(folder, clip)[:, 0]
        for step in range(int(output.lengths[number])):
            first = downsample * step
            made = [frames[min(first + k, len(clip) - 1)] for k in range(window)]
            for layer in part.convolutions:
                made = halved(layer, made)
            assert len(made) == 1
            assert torch.allclose(output.values[number, step], made[0], atol=1e-5)
            assert made[0].std() > 0.05
    assert not output.values[~output.mask].any()


@torch.no_grad()
def test_which_tokens_are_taken(folder: Path) -> None:
    """After the final LayerNorm, before any pooling layer."""
    clip = clips(5)[0]
    model = ViTModel.from_pretrained(folder, add_pooling_layer=False).eval()
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    states = model.embeddings((clip / 255 - mean) / std)
    for layer in model.layers if hasattr(model, "layers") else model.encoder.layer:
        states = layer(states)
        states = states[0] if isinstance(states, tuple) else states
    normed = model.layernorm(states)
    assert torch.allclose(normed, tokens(folder, clip), atol=1e-5)
    for output, expected in {"cls": normed[:, 0], "patch-mean": normed[:, 1:].mean(1)}.items():
        part = built(folder, output=output)
        assert torch.allclose(part.encode(part.normalised(clip)), expected, atol=1e-5)
    assert not torch.allclose(states, normed, atol=0.1)


@torch.no_grad()
def test_a_window_by_itself_gives_the_same_step(folder: Path) -> None:
    part, (clip,) = built(folder, downsample=4), clips(23)
    whole = part(batch(clip)).values[0]
    for step, values in enumerate(whole):
        frames = [min(4 * step + k, 22) for k in range(9)]
        assert torch.allclose(part(batch(clip[frames])).values[0, 0], values, atol=1e-6)


def test_it_is_vallrs() -> None:
    """A ViT-B/16; half of a step a frame."""
    with torch.device("meta"):
        part = SPEC.load()(LipsConfig(scratch=ViTScratch()), Context(inputs=typed(224)))
    theirs = ViTConfig()
    assert {name: getattr(part.vision, name) for name in SIZES} == {
        name: getattr(theirs, name) for name in SIZES
    }
    assert sum(weight.numel() for weight in part.network.parameters()) == 85_798_656
    assert (part.config.downsample, part.config.pixel_mask, part.sizes()) == (2, 0.5, {"d": 512})


@pytest.fixture(scope="module", params=[2, 4])
def part(folder: Path, request: pytest.FixtureRequest) -> Any:
    return built(folder, downsample=request.param, batch=3)


@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 14), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


def test_nan_in_the_padding_is_never_seen(folder: Path) -> None:
    part = built(folder).train()
    inputs = batch(*[clip.float() for clip in clips(9, 2)])
    inputs.values[~inputs.mask] = torch.nan
    values = part(inputs).values
    values.square().sum().backward()
    assert values.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in part.parameters())


# Pixels that are hidden in training


def seen(part: Any, clip: Tensor) -> Tensor:
    """What the ViT is given."""
    given: list[Tensor] = []
    hook = part.network.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    part(batch(clip))
    hook.remove()
    return torch.cat(given)


@torch.no_grad()
def test_pixels_are_hidden_in_training_only(folder: Path) -> None:
    (clip,) = clips(40)
    part = built(folder, pixel_mask=0.3)
    shown = seen(part, clip)
    hidden = (seen(part.train(), clip) == 0).all(1)  # (n, h, w)
    once, again = seen(part, clip), seen(part, clip)
    assert not torch.equal(once, again)
    gone = (once == 0).all(1)
    assert torch.equal(once, shown * ~gone[:, None])
    assert gone.float().mean() == pytest.approx(0.3, abs=0.02)
    assert gone.float().mean(0).std() < 0.15  # each frame has its own
    assert hidden.any()
    assert torch.equal(seen(built(folder, pixel_mask=0.0).train(), clip), shown)


# From scratch, and from checkpoints


@torch.no_grad()
def test_from_scratch(tmp_path: Path) -> None:
    part = built(scratch=ViTScratch(**SIZES))
    (clip,) = clips(7)
    assert torch.allclose(seen(part, clip), clip / 255 * 2 - 1, atol=1e-6)
    theirs = ViTModel(ViTConfig(**SIZES), add_pooling_layer=False).eval()
    theirs.load_state_dict(part.network.state_dict())
    ours = part.encode(part.normalised(clip))
    assert torch.allclose(ours, theirs(clip / 255 * 2 - 1).last_hidden_state[:, 0], atol=1e-5)
    again = reopened(part, tmp_path, typed())
    assert torch.equal(again(batch(clip)).values, part(batch(clip)).values)


@torch.no_grad()
def test_opened_again_without_the_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    part = built(tmp_path / "model")
    shutil.rmtree(tmp_path / "model")
    again = reopened(part, tmp_path / "assets")
    inputs = batch(*clips(9, 3))
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_a_bare_vit_with_its_pooling_layer(tmp_path: Path) -> None:
    part = built(saved(tmp_path, ViTModel))
    model = ViTModel.from_pretrained(tmp_path)
    assert torch.equal(part.network.layernorm.weight, model.layernorm.weight)


def test_a_checkpoint_that_lacks_weights(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    gone = [name for name in weights if "layernorm_before" in name]
    assert gone
    left = {name: weights[name] for name in weights.keys() - gone}
    save_file(left, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r'lacks weights that output = "cls" needs: .*layernorm_be'):
        built(tmp_path)


def test_gradients_reach_every_weight(folder: Path) -> None:
    part = built(folder, downsample=4).train()
    part(batch(*clips(14, 3))).values.square().sum().backward()
    assert all(weight.grad is not None for weight in part.parameters())


def test_what_does_not_fit_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="sees pictures of 16 x 16 .* gives 32 x 32"):
        built(folder, side=32)
    with pytest.raises(UserError, match="encoder: ViT sees pictures of 16 x 16 pixels"):
        built(scratch=ViTScratch(**SIZES), side=32)
    with pytest.raises(UserError, match="the ViT nowhere cannot be loaded"):
        built(Path("nowhere"))
    with pytest.raises(ValueError, match="neither is written"):
        LipsConfig()
    with pytest.raises(ValueError, match="image_size is 20, patch_size 16; a multiple"):
        ViTScratch(image_size=20)
    with pytest.raises(ValueError, match="hidden_size is 100, num_attention_heads 12"):
        ViTScratch(hidden_size=100)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(LipsConfig("x", downsample=4), typed())
    assert (str(output.rate), output.known("d")) == ("rate of the clip / 4", 512)
    SPEC.signature(LipsConfig(scratch=ViTScratch(**SIZES)), typed())
    with pytest.raises(TypeMismatch, match=r"scratch\.image_size"):
        SPEC.signature(LipsConfig(scratch=ViTScratch(**SIZES)), typed(32))
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(LipsConfig("x"), typed().to(dtype="float32"))
