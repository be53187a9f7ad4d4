"""SignLLM's encoder, clip by clip: transformers' ResNet on each frame, then sums written out."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import ConvNextImageProcessor, ResNetConfig, ResNetModel

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.resnet.spec import ResNetScratch
from slp_encoders.encoders.resnet_clip.spec import SPEC, ResNetClipConfig

from .tiny import reopened

SIDE, DIM = 20, 6
SMALL = {"embedding_size": 4, "hidden_sizes": (5,), "depths": (1,), "layer_type": "basic"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("resnet")
    torch.manual_seed(0)
    ResNetModel(ResNetConfig(**SMALL)).save_pretrained(path)
    ConvNextImageProcessor(
        size={"shortest_edge": 448}, image_mean=[0.5, 0.4, 0.3], image_std=[0.3, 0.2, 0.1]
    ).save_pretrained(path)
    return path


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(folder: Path, side: int = SIDE, **config: Any) -> Any:
    """With statistics of batch normalisation that are not those of the beginning."""
    torch.manual_seed(1)
    context = Context(path="streams.a.encoder", inputs=typed(side))
    part = SPEC.load()(ResNetClipConfig(str(folder), dim=DIM, **config), context).eval()
    torch.nn.init.uniform_(part.clips[1].running_mean, -0.3, 0.3)
    torch.nn.init.uniform_(part.clips[1].running_var, 0.05, 0.2)
    return part


def clips(*lengths: int) -> list[Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


def batch(*samples: Tensor) -> Sequence:
    return Sequence.pad(samples, [25.0] * len(samples))


def convolved(x: Tensor, weight: Tensor) -> Tensor:
    """``t d h w`` with a kernel ``e d 5 3 3``, every second step, summed place by place."""
    steps, height, width = (len(x) - 5) // 2 + 1, x.shape[2] - 2, x.shape[3] - 2
    total = torch.zeros(steps, len(weight), height, width)
    for t in range(5):
        for i in range(3):
            for j in range(3):
                part = x[t : t + 2 * steps - 1 : 2, :, i : i + height, j : j + width]
                total += torch.einsum("tdhw,ed->tehw", part, weight[:, :, t, i, j])
    return total


def reference(part: Any, folder: Path, frames: Tensor) -> Tensor:
    """One clip ``w c h w`` to ``dim``."""
    pixels = ConvNextImageProcessor.from_pretrained(folder)(
        [*frames.numpy()], do_resize=False, return_tensors="pt"
    )
    maps = ResNetModel.from_pretrained(folder).eval()(**pixels).last_hidden_state  # (w, d, h, w)
    first, norm, _, second = part.clips
    x = convolved(maps, first.weight)
    mean, var, scale, shift = (
        one.view(-1, 1, 1) for one in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    x = ((x - mean) / (var + 1e-5).sqrt() * scale + shift).clamp(min=0)
    return (convolved(x, second.weight) + second.bias.view(-1, 1, 1)).mean((0, 2, 3))


@torch.no_grad()
@pytest.mark.parametrize("window", [13, 18])
def test_each_clip_is_as_written_out(folder: Path, window: int) -> None:
    part = built(folder, window=window, batch=3)
    samples = clips(23, 5)
    output = part(batch(*samples))
    assert output.lengths.tolist() == [4 if window == 13 else 3, 1]
    assert output.rate.tolist() == [6.25, 6.25]
    for number, clip in enumerate(samples):
        for step in range(int(output.lengths[number])):
            frames = [clip[min(4 * step + frame, len(clip) - 1)] for frame in range(window)]
            theirs = reference(part, folder, torch.stack(frames))
            assert torch.allclose(output.values[number, step], theirs, atol=1e-5)
            assert theirs.std() > 0.05
    assert not output.values[~output.mask].any()


def test_it_is_signllms() -> None:
    """ResNet-18, 13 frames every 4, one vector of 1024 a clip, nothing left over in time."""
    with torch.device("meta"):
        part = SPEC.load()(ResNetClipConfig(scratch=ResNetScratch()), Context(inputs=typed(224)))
        first, _, _, second = part.clips
        maps = part.pictures(torch.zeros(13, 3, 224, 224, dtype=torch.uint8))
        assert maps.shape == (13, 512, 7, 7)
        between = first(maps.transpose(0, 1)[None])
        assert between.shape == (1, 1024, 5, 5, 5) and second(between).shape == (1, 1024, 1, 3, 3)
    assert (part.config.window, part.config.stride, part.sizes()) == (13, 4, {"d": 1024})


@torch.no_grad()
def test_every_frame_goes_through_the_resnet_once(folder: Path) -> None:
    part, seen = built(folder, batch=10), []
    hook = part.pictures.network.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0]))
    )
    part(batch(*clips(30, 4)))
    part.train()(batch(*clips(30, 4)))
    hook.remove()
    assert seen == [10, 10, 10, 4, 34]


@pytest.fixture(scope="module")
def part(folder: Path) -> Any:
    return built(folder, batch=3)


@settings(max_examples=8)
@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=3), extra=st.integers(0, 3))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


def test_batch_normalisation_learns_from_valid_frames_only(folder: Path) -> None:
    samples = clips(17, 13)
    alone, padded = (built(folder, batch=1).train() for _ in range(2))
    inputs = batch(*samples)
    inputs.values[~inputs.mask] = 255
    ours = padded(inputs)
    theirs = alone(batch(*[clip.clone() for clip in samples]))  # zeros behind the end
    assert torch.equal(ours.values, theirs.values)
    for name, value in padded.state_dict().items():
        assert torch.equal(value, alone.state_dict()[name]), name
    assert padded.state_dict()["clips.1.num_batches_tracked"] == 1  # all clips at once


def test_gradients_reach_every_weight(folder: Path) -> None:
    part = built(folder).train()
    part(batch(*clips(14, 3))).values.square().sum().backward()
    assert all(weight.grad is not None for weight in part.parameters())


@torch.no_grad()
def test_opened_again_without_the_model(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    part = built(tmp_path / "model")
    shutil.rmtree(tmp_path / "model")
    again = reopened(part, tmp_path / "assets")
    inputs = batch(*clips(14, 3))
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_pictures_that_are_too_small(folder: Path) -> None:
    built(folder, side=17)(batch(torch.zeros(13, 3, 17, 17, dtype=torch.uint8)))
    with pytest.raises(UserError, match="streams.a.encoder: pictures of 16 .* to 17 or more"):
        built(folder, side=16)
    with pytest.raises(RuntimeError):
        built(folder)(batch(torch.zeros(13, 3, 16, 16, dtype=torch.uint8)))


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(ResNetClipConfig("x"), typed())
    assert (str(output.rate), output.known("d")) == ("rate of the clip / 4", 1024)
    with pytest.raises(TypeMismatch, match="uint8 is needed"):
        SPEC.signature(ResNetClipConfig("x"), typed().to(dtype="float32"))
    with pytest.raises(ValueError, match="neither is written"):
        ResNetClipConfig()
    with pytest.raises(ValueError, match="13"):
        ResNetClipConfig("x", window=12)


@pytest.mark.parametrize(("window", "side"), [(13, SIDE), (17, SIDE + 16)])
def test_a_grid_is_all_that_is_left(folder: Path, window: int, side: int) -> None:
    part = built(folder, side, window=window, pool="grid")
    frames = torch.randint(256, (1, window, 3, side, side), dtype=torch.uint8)
    inputs = Sequence(frames, torch.ones(1, window, dtype=torch.bool), torch.ones(1))
    maps = part.pictures(frames[0]).transpose(0, 1)[None]  # (1, d, w, h, w)
    left = part.clips(maps)
    values = part(inputs).values[0]
    assert torch.allclose(values, left.flatten(1), atol=1e-6)
    assert part.sizes() == {"d": values.shape[1]}
    scratch = ResNetScratch(hidden_sizes=SMALL["hidden_sizes"], depths=SMALL["depths"])
    config = ResNetClipConfig(scratch=scratch, dim=DIM, window=window, pool="grid")
    assert SPEC.signature is not None
    assert SPEC.signature(config, typed(side)).known("d") == values.shape[1]
