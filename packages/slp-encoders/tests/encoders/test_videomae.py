"""The VideoMAE encoder against transformers' VideoMAEModel, window by window."""

from pathlib import Path

import pytest
import torch
from transformers import VideoMAEForVideoClassification, VideoMAEImageProcessor, VideoMAEModel

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_encoders.trials.checkpoints import CHECKPOINTS, PATCH, SIDE, WIDTH, WINDOW

from .tiny import assert_encodes_windows, assert_same_weights, clips, normalised, through

TINY = CHECKPOINTS["videomae"]
built = TINY.open


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["videomae"]


def tokens(folder: Path, window: torch.Tensor) -> torch.Tensor:
    """``hidden_states[-1]`` of what the checkpoint's own processor makes of a window."""
    frames = list(window.numpy().transpose(0, 2, 3, 1))
    pixels = VideoMAEImageProcessor.from_pretrained(folder)(frames, return_tensors="pt")
    model = VideoMAEModel.from_pretrained(folder).eval()
    return model(**pixels, output_hidden_states=True).hidden_states[-1][0]


@pytest.mark.parametrize("pool", ["first-token", "mean"])
@torch.no_grad()
def test_each_window_is_what_spamo_takes_of_it(folder: Path, pool: str) -> None:
    def expected(window: torch.Tensor) -> torch.Tensor:
        found = tokens(folder, window)
        return found[0] if pool == "first-token" else found.mean(0)

    assert_encodes_windows(built(folder, pool=pool, batch=2), expected)


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    """Layer by layer by hand: before and after the final LayerNorm."""
    model = VideoMAEModel.from_pretrained(folder).eval()
    clip = clips(WINDOW)[0]
    embedded = model.embeddings(normalised(clip)[None], None)
    states = through(model.encoder.layer, embedded)
    assert states.shape == (1, (WINDOW // 2) * (SIDE // PATCH) ** 2, WIDTH)  # tubes of two frames
    normed = model.layernorm(states)
    for output, values in {"last": states, "normed": normed}.items():
        for pool, expected in {"first-token": values[0, 0], "mean": values[0].mean(0)}.items():
            part = built(folder, output=output, pool=pool)
            found = part(Sequence.pad([clip], [25.0])).values[0, 0]
            assert torch.allclose(found, expected, atol=1e-5)
            assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(states, normed, atol=0.1)


def test_a_model_tuned_for_classification_has_no_final_layernorm(
    folder: Path, tmp_path: Path
) -> None:
    whole = VideoMAEForVideoClassification.from_pretrained(folder, use_mean_pooling=True)
    assert_same_weights(built(TINY.save(tmp_path, whole)).network, whole.videomae)
    with pytest.raises(UserError, match=r'lacks weights that output = "normed" needs: layernorm'):
        built(tmp_path, output="normed")


def test_windows_of_another_length_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"sees 4 frames at once, window = 8 .* window = 4"):
        built(folder, window=8)
