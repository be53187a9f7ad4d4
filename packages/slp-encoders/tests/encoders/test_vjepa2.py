"""The V-JEPA 2 encoder against transformers' VJEPA2Model, window by window."""

from pathlib import Path

import pytest
import torch
from transformers import VJEPA2ForVideoClassification, VJEPA2Model, VJEPA2VideoProcessor

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_encoders.trials.checkpoints import CHECKPOINTS, PATCH, SIDE, WIDTH, WINDOW

from .tiny import assert_encodes_windows, assert_same_weights, clips, normalised, rewritten, through

TINY = CHECKPOINTS["vjepa2"]
built = TINY.open


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["vjepa2"]


@torch.no_grad()
def test_each_window_is_the_mean_of_its_tokens(folder: Path) -> None:
    """Of what the whole model, predictor and all, makes of what its own processor gives."""
    processor = VJEPA2VideoProcessor.from_pretrained(folder, do_resize=False)
    model = VJEPA2Model.from_pretrained(folder).eval()

    def expected(window: torch.Tensor) -> torch.Tensor:
        return model(**processor(window, return_tensors="pt")).last_hidden_state[0].mean(0)

    assert_encodes_windows(built(folder, batch=2), expected)


@pytest.mark.parametrize("window", [2, WINDOW, 6])
@torch.no_grad()
def test_which_layer_is_taken(folder: Path, window: int) -> None:
    """Layer by layer by hand: after the final LayerNorm, whatever the number of tubes."""
    encoder = VJEPA2Model.from_pretrained(folder).eval().encoder
    clip = clips(window)[0]
    states = through(encoder.layer, encoder.embeddings(normalised(clip)[None]))
    assert states.shape == (1, (window // 2) * (SIDE // PATCH) ** 2, WIDTH)
    expected = encoder.layernorm(states)[0].mean(0)
    part = built(folder, window=window)
    found = part(Sequence.pad([clip], [25.0])).values[0, 0]
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(states[0].mean(0), expected, atol=0.1)
    assert part.sizes() == {"d": WIDTH}


def test_windows_that_are_no_whole_tubes_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"tubes of 2 frames, window = 5 .* window = 6"):
        built(folder, window=5)


def test_the_predictor_is_left_out(folder: Path, tmp_path: Path) -> None:
    """Whether the checkpoint has it or not, and whatever it looks like."""
    name = "predictor.layer.0.mlp.fc1.weight"
    whole = VJEPA2Model.from_pretrained(folder)
    changed = rewritten(folder, tmp_path / "a", lambda w: w.update({name: w[name][:5].clone()}))
    lacking = rewritten(folder, tmp_path / "b", lambda weights: weights.pop(name))
    for path in (folder, changed, lacking):
        network = built(path).network
        assert [child for child, _ in network.named_children()] == ["encoder"]
        assert_same_weights(network.encoder, whole.encoder)


def test_a_classifier_on_top_is_left_out(folder: Path, tmp_path: Path) -> None:
    """Its attentive probe, too."""
    whole = VJEPA2ForVideoClassification.from_pretrained(folder, num_pooler_layers=1)
    assert_same_weights(built(TINY.save(tmp_path, whole)).network.encoder, whole.vjepa2.encoder)


def test_colours_are_in_either_file(folder: Path, tmp_path: Path) -> None:
    """Written for videos, or as it once was, for pictures too."""
    rewritten(folder, tmp_path / "model", lambda weights: None)
    file = tmp_path / "model" / "video_preprocessor_config.json"
    older = file.rename(tmp_path / "model" / "preprocessor_config.json")
    assert torch.equal(built(tmp_path / "model").mean, built(folder).mean)
    older.unlink()
    neither = "neither video_preprocessor_config.json nor preprocessor_config.json"
    said = rf"streams\.a\.encoder\.model: .* has {neither}; the folder must"
    with pytest.raises(UserError, match=said):
        built(tmp_path / "model")
