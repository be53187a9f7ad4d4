"""Networks of shapes alone, of what is no vision transformer: no weights are read."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf

from slp_core.context import Context
from slp_core.tensortype import TensorType
from slp_encoders.encoders.i3d.model import I3DEncoder
from slp_encoders.encoders.i3d.spec import I3DConfig
from slp_encoders.encoders.lips.model import LipsEncoder
from slp_encoders.encoders.lips.spec import LipsConfig
from slp_encoders.encoders.resnet.model import ResNetEncoder
from slp_encoders.encoders.resnet.spec import ResNetConfig


def on_meta(kind: Any, config: Any, side: int = 32) -> Any:
    sizes = {"c": 3, "h": side, "w": side}
    context = Context(inputs=TensorType("b t c h w", sizes, dtype="uint8"), meta=True)
    with torch.device("meta"):
        part = kind(config, context)
    assert {weight.device.type for weight in part.parameters()} == {"meta"}
    return part


def count(module: Any) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_resnet(tmp_path: Path) -> None:
    small: Any = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1]}
    config = hf.ResNetConfig(**small, layer_type="basic")
    config.save_pretrained(tmp_path)
    part = on_meta(ResNetEncoder, ResNetConfig(model=str(tmp_path)))
    assert count(part) == count(hf.ResNetModel(config))
    assert part.sizes() == {"d": 12}


def test_lips_without_the_pooling_layer_that_is_not_read(tmp_path: Path) -> None:
    config = hf.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        image_size=32, patch_size=16,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    part = on_meta(LipsEncoder, LipsConfig(model=str(tmp_path), dim=8, downsample=2))
    assert count(part.network) == count(hf.ViTModel(config, add_pooling_layer=False))
    assert count(part.convolutions) == 16 * 8 * 5 + 8 + 2 * 8


def test_i3d_is_as_large_as_the_published_without_logits() -> None:
    part = on_meta(I3DEncoder, I3DConfig("nowhere.pt", "-1..1"), side=224)
    assert count(part) == 12_287_264


@pytest.mark.parametrize("kind", [ResNetEncoder, LipsEncoder])
def test_nothing_is_there(kind: Any) -> None:
    from slp_core.errors import UserError

    config = {ResNetEncoder: ResNetConfig, LipsEncoder: LipsConfig}[kind](model="/nowhere")
    with pytest.raises(UserError):
        on_meta(kind, config)
