"""The CLIP encoder against transformers' CLIPModel, with a tiny random model."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from transformers import CLIPImageProcessor, CLIPModel, CLIPVisionModel

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_encoders.encoders.clip.spec import ClipConfig
from slp_encoders.trials.checkpoints import CHECKPOINTS, SIDE, WIDTH

from .tiny import assert_encodes, clips, normalised, rewritten, through

built = CHECKPOINTS["clip"].open


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["clip"]


@torch.no_grad()
def test_the_projection_is_get_image_features(folder: Path) -> None:
    """Of what the checkpoint's own image processor makes of a clip."""
    model, samples = CLIPModel.from_pretrained(folder).eval(), clips(5, 1, 3)
    processor = CLIPImageProcessor.from_pretrained(folder)
    pixels = [processor([*clip.numpy()], return_tensors="pt") for clip in samples]
    expected = [model.get_image_features(**some).pooler_output for some in pixels]
    assert_encodes(built(folder, batch=4), samples, expected)


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    """Layer by layer by hand: what each output is, and is not."""
    model = CLIPVisionModel.from_pretrained(folder).eval()
    projection = CLIPModel.from_pretrained(folder).visual_projection
    clip = clips(4)[0]
    states = model.pre_layrnorm(model.embeddings(normalised(clip)))
    last = through(model.encoder.layers, states, attention_mask=None)[:, 0]
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
    seen = built(folder, output=output)._vector
    expected = []
    for picture in normalised(clip):
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
    pictures = normalised(clip)
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


def test_weights_that_lack_a_layer_are_refused(folder: Path, tmp_path: Path) -> None:
    CLIPVisionModel.from_pretrained(folder).save_pretrained(tmp_path)  # has no projection
    shutil.copy(folder / "preprocessor_config.json", tmp_path)
    assert built(tmp_path, output="pooled").sizes() == {"d": WIDTH}
    with pytest.raises(UserError, match=r'output = "projection" needs: visual_projection'):
        built(tmp_path)


def test_what_old_checkpoints_carry_along_is_no_harm(folder: Path, tmp_path: Path) -> None:
    positions = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    old = rewritten(folder, tmp_path / "old", lambda weights: weights.update(positions))
    for output in ("projection", "last"):
        assert built(old, output=output).sizes()
