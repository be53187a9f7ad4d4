"""The SigLIP encoder against transformers' SiglipModel, with a tiny random model."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import SiglipImageProcessor, SiglipModel, SiglipVisionModel

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_encoders.trials.checkpoints import CHECKPOINTS, WIDTH

from .tiny import assert_encodes, clips, normalised, through

built = CHECKPOINTS["siglip"].open


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["siglip"]


@torch.no_grad()
def test_pooled_is_get_image_features(folder: Path) -> None:
    model, samples = SiglipModel.from_pretrained(folder).eval(), clips(5, 1, 3)
    processor = SiglipImageProcessor.from_pretrained(folder)
    pixels = [processor([*clip.numpy()], return_tensors="pt") for clip in samples]
    expected = [model.get_image_features(**some).pooler_output for some in pixels]
    assert_encodes(built(folder, batch=4), samples, expected)


@torch.no_grad()
def test_which_layer_is_taken(folder: Path) -> None:
    model = SiglipVisionModel.from_pretrained(folder).eval()
    clip = clips(4)[0]
    embedded = model.embeddings(normalised(clip))
    states = through(model.encoder.layers, embedded, attention_mask=None)
    normed = model.post_layernorm(states)
    for output, values in {"pooled": model.head(normed), "patch-mean": normed.mean(1)}.items():
        part = built(folder, output=output)
        assert torch.allclose(part(Sequence.pad([clip], [25.0])).values[0], values, atol=1e-5)
        assert part.sizes() == {"d": WIDTH}
    assert not torch.allclose(states.mean(1), normed.mean(1), atol=0.1)


def test_a_model_without_the_pooling_head(folder: Path, tmp_path: Path) -> None:
    config = SiglipVisionModel.from_pretrained(folder).config
    config.vision_use_head = False
    SiglipVisionModel(config).save_pretrained(tmp_path)
    shutil.copy(folder / "preprocessor_config.json", tmp_path)
    assert built(tmp_path, output="patch-mean").sizes() == {"d": WIDTH}
    with pytest.raises(UserError, match=r'lacks weights that output = "pooled" needs: head'):
        built(tmp_path)
