"""The DINOv2 encoder against transformers' own forward, with tiny random models."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, BitImageProcessor, Dinov2ForImageClassification, Dinov2Model

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_encoders.trials.checkpoints import CHECKPOINTS, PATCH, REGISTERS, SIDE, WIDTH

from .tiny import assert_encodes, assert_same_weights, clips, normalised, through

TINY = CHECKPOINTS["dinov2"]
built = TINY.open


@pytest.fixture(scope="module")
def plain(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["dinov2"]


@torch.no_grad()
def test_cls_is_the_pooled_output_of_what_the_checkpoints_processor_gives(plain: Path) -> None:
    model, samples = Dinov2Model.from_pretrained(plain).eval(), clips(5, 1, 3)
    processor = BitImageProcessor.from_pretrained(plain)
    pixels = [processor([*clip.numpy()], return_tensors="pt") for clip in samples]
    expected = [model(**some).pooler_output for some in pixels]
    assert_encodes(built(plain, batch=4), samples, expected)


@pytest.mark.parametrize(("name", "prefix"), [("dinov2", 1), ("registers", 1 + REGISTERS)])
@torch.no_grad()
def test_which_tokens_of_which_layer_are_taken(
    checkpoints: dict[str, Path], name: str, prefix: int
) -> None:
    """Layer by layer by hand, patches counted from the end."""
    model = AutoModel.from_pretrained(checkpoints[name]).eval()
    clip = clips(4)[0]
    states = through(model.encoder.layer, model.embeddings(normalised(clip)))
    last = model.layernorm(states)
    patches = (SIDE // PATCH) ** 2
    assert last.shape[1] == prefix + patches
    for output, values in {"cls": last[:, 0], "patch-mean": last[:, -patches:].mean(1)}.items():
        part = built(checkpoints[name], output=output)
        found = part(Sequence.pad([clip], [25.0])).values[0]
        assert torch.allclose(found, values, atol=1e-5)
        assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(last[:, 0], states[:, 0], atol=0.1)
    assert not torch.allclose(last.mean(1), last[:, -patches:].mean(1), atol=1e-2)


@torch.no_grad()
def test_pictures_of_more_patches_are_seen(plain: Path) -> None:
    """DINOv2 stretches its positions: it was trained at 518 pixels and is used at 224."""
    clip = clips(2, side=48)[0]
    found = built(plain, side=48)(Sequence.pad([clip], [25.0])).values[0]
    theirs = Dinov2Model.from_pretrained(plain).eval()(normalised(clip)).pooler_output
    assert torch.allclose(found, theirs, atol=1e-5)
    with pytest.raises(UserError, match=r"patches of 8 x 8 .* 30 x 30; .* a multiple of 8"):
        built(plain, side=30)


def test_a_classifier_on_top_is_left_out(plain: Path, tmp_path: Path) -> None:
    whole = Dinov2ForImageClassification.from_pretrained(plain)
    assert_same_weights(built(TINY.save(tmp_path, whole)).network, whole.dinov2)
