"""The VideoMAE encoder against transformers' VideoMAEModel, window by window."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import VideoMAEConfig as TheirConfig
from transformers import (
    VideoMAEForPreTraining,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessor,
    VideoMAEModel,
)

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Rate, Symbol, TensorType, TypeMismatch
from slp_core.testing import assert_padding_changes_nothing
from slp_encoders.encoders.videomae.spec import SPEC, VideoMAEConfig

SIDE, WIDTH, WINDOW = 16, 16, 4
MEAN, STD = [0.5, 0.4, 0.3], [0.3, 0.2, 0.1]
TOWER: Any = {
    "image_size": SIDE,
    "patch_size": 8,
    "num_frames": WINDOW,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "decoder_hidden_size": 8,
    "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
}


def saved(model: Any, path: Path) -> Path:
    """A model with weights large enough to tell layers and tokens apart."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    model.save_pretrained(path)
    preprocessor = VideoMAEImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=MEAN,
        image_std=STD,
    )
    preprocessor.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As published: a model of pre-training, decoder and all, its final LayerNorm in use."""
    config = TheirConfig(**TOWER, use_mean_pooling=False)
    return saved(VideoMAEForPreTraining(config), tmp_path_factory.mktemp("videomae"))


def typed(side: int = SIDE) -> TensorType:
    return TensorType("b t c h w", {"c": 3, "h": side, "w": side}, dtype="uint8", modality="video")


def built(model: Path, side: int = SIDE, **config: Any) -> Any:
    context = Context(path="streams.a.encoder", inputs=typed(side))
    config = {"window": WINDOW, "stride": 2, **config}
    return SPEC.load()(VideoMAEConfig(str(model), **config), context).eval()


def clips(*lengths: int) -> list[torch.Tensor]:
    return [torch.randint(256, (n, 3, SIDE, SIDE), dtype=torch.uint8) for n in lengths]


def tokens(folder: Path, window: torch.Tensor) -> torch.Tensor:
    """``hidden_states[-1]`` of what the checkpoint's own processor makes of a window."""
    frames = list(window.numpy().transpose(0, 2, 3, 1))
    pixels = VideoMAEImageProcessor.from_pretrained(folder)(frames, return_tensors="pt")
    model = VideoMAEModel.from_pretrained(folder).eval()
    return model(**pixels, output_hidden_states=True).hidden_states[-1][0]


@pytest.mark.parametrize("pool", ["first-token", "mean"])
@torch.no_grad()
def test_each_window_is_what_spamo_takes_of_it(folder: Path, pool: str) -> None:
    """Windows cut by hand: full ones, then the last frame repeated."""
    samples = clips(7, 2, 4)
    output = built(folder, pool=pool, batch=2)(Sequence.pad(samples, [25.0] * 3))
    frames = [[[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 6]], [[0, 1, 1, 1]], [[0, 1, 2, 3]]]
    assert output.lengths.tolist() == [3, 1, 1] and output.rate.tolist() == [12.5] * 3
    for number, (clip, windows) in enumerate(zip(samples, frames, strict=True)):
        for step, window in enumerate(windows):
            found = tokens(folder, clip[window])
            expected = found[0] if pool == "first-token" else found.mean(0)
            assert torch.allclose(output.values[number, step], expected, atol=1e-5)
            assert expected.std() > 0.1
        assert not output.values[number, len(windows) :].any()


@torch.no_grad()
def test_the_tail_is_dropped_on_purpose_only(folder: Path) -> None:
    inputs = Sequence.pad(clips(7, 2, 4), [25.0] * 3)
    kept, dropped = built(folder)(inputs), built(folder, tail="drop")(inputs)
    assert dropped.lengths.tolist() == [2, 1, 1]
    assert torch.allclose(dropped.values, kept.values[:, :2], atol=1e-5)


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    """Layer by layer by hand: before and after the final LayerNorm."""
    model = VideoMAEModel.from_pretrained(folder).eval()
    clip = clips(WINDOW)[0]
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    states = model.embeddings(((clip / 255 - mean) / std)[None], None)
    for layer in model.encoder.layer:
        states = layer(states)
        states = states[0] if isinstance(states, tuple) else states
    assert states.shape == (1, 2 * 2 * 2, WIDTH)  # tubes of two frames, 8 x 8 pixels
    normed = model.layernorm(states)
    for output, values in {"last": states, "normed": normed}.items():
        for pool, expected in {"first-token": values[0, 0], "mean": values[0].mean(0)}.items():
            part = built(folder, output=output, pool=pool)
            found = part(Sequence.pad([clip], [25.0])).values[0, 0]
            assert torch.allclose(found, expected, atol=1e-5)
            assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(states, normed, atol=0.1)


@pytest.fixture(scope="module", params=["repeat", "drop"])
def part(folder: Path, request: pytest.FixtureRequest) -> Any:
    return built(folder, batch=3, tail=request.param)


@settings(deadline=None, max_examples=10)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3), extra=st.integers(0, 5))
def test_padding_changes_nothing(part: Any, lengths: list[int], extra: int) -> None:
    assert_padding_changes_nothing(part, clips(*lengths), extra=extra)


@torch.no_grad()
def test_a_window_by_itself_gives_the_same_step(folder: Path) -> None:
    """What extraction in pieces relies on."""
    part, clip = built(folder, stride=3), clips(9)[0]
    field = part.receptive_field
    assert (field.window, field.stride, field.tail) == (WINDOW, 3, "repeat")
    whole = part(Sequence.pad([clip], [25.0])).values[0]
    assert len(whole) == 3
    for step, expected in enumerate(whole):
        piece = clip[3 * step :][:WINDOW]
        found = part(Sequence.pad([piece], [25.0])).values[0, 0]
        assert torch.allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_nan_in_the_padding_is_never_seen(part: Any) -> None:
    inputs = Sequence.pad([clip.float() for clip in clips(7, 3)], [25.0] * 2)
    inputs.values[~inputs.mask] = torch.nan
    assert part(inputs).values.isfinite().all()


def test_gradients_reach_the_network(folder: Path) -> None:
    part = built(folder, batch=2)
    part(Sequence.pad(clips(7, 1), [25.0] * 2)).values.square().sum().backward()
    assert all(weight.grad is not None for weight in part.network.parameters())


@pytest.mark.parametrize("output", ["last", "normed"])
@torch.no_grad()
def test_opened_again_without_the_model(folder: Path, tmp_path: Path, output: str) -> None:
    shutil.copytree(folder, tmp_path / "model")
    part = built(tmp_path / "model", output=output)
    (tmp_path / "assets").mkdir()
    part.save_assets(tmp_path / "assets")
    shutil.rmtree(tmp_path / "model")
    again = SPEC.load()(part.config, Context(inputs=typed(), assets=tmp_path / "assets")).eval()
    again.load_state_dict(part.state_dict())
    inputs = Sequence.pad(clips(2, 7), [25.0] * 2)
    assert torch.equal(again(inputs).values, part(inputs).values)


def test_a_model_tuned_for_classification_has_no_final_layernorm(tmp_path: Path) -> None:
    whole = VideoMAEForVideoClassification(TheirConfig(**TOWER, use_mean_pooling=True))
    saved(whole, tmp_path)
    ours, theirs = built(tmp_path).network.state_dict(), whole.videomae.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with pytest.raises(UserError, match=r'lacks weights that output = "normed" needs: layernorm'):
        built(tmp_path, output="normed")


def test_what_the_model_cannot_see_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sees 4 frames at once, window = 8 .* window = 4"):
        built(folder, window=8)
    with pytest.raises(UserError, match="16 x 16 pixels, the processor gives 32 x 32"):
        built(folder, side=32)


def test_colours_are_the_checkpoints(folder: Path) -> None:
    """transformers' own defaults, a half and a half, are not what the models were trained on."""
    part = built(folder)
    np.testing.assert_allclose(part.mean.flatten(), MEAN)
    np.testing.assert_allclose(part.std.flatten(), STD)


def test_types() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(VideoMAEConfig("x", stride=8), typed())
    assert output.axes == "b t d" and isinstance(output["d"], Symbol)
    assert output.rate == Rate() / 8 and output.modality is None and output.dtype == "float32"
    with pytest.raises(TypeMismatch, match="`b t c h w` is needed"):
        SPEC.signature(VideoMAEConfig("x"), TensorType("b t d"))
    assert SPEC.signature(VideoMAEConfig("x"), typed().to(rate=None)).rate is None
