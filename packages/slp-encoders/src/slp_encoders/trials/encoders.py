"""Encoders on a few small frames, with checkpoints and new networks of a few weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from slp_core.testing import Trial
from slp_encoders.encoders.i3d.model import InceptionI3D
from slp_encoders.trials.checkpoints import CHECKPOINTS, SIDE, typed

FRAMES = (12, 3, 8)  #: samples; the longest two longer than windows of 4
RESNET = {"embedding_size": 4, "hidden_sizes": [5], "depths": [1]}
VIT = {
    "image_size": 16, "patch_size": 8, "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 8,
}  # fmt: skip


def _pretrained(name: str, folder: Path) -> Trial:
    tiny = CHECKPOINTS[name]
    config = {"model": str(tiny.save(folder)), **tiny.keys}
    return Trial(config=config, inputs=typed(), lengths=FRAMES)


def clip(folder: Path) -> Trial:
    return _pretrained("clip", folder)


def dinov2(folder: Path) -> Trial:
    return _pretrained("dinov2", folder)


def siglip(folder: Path) -> Trial:
    return _pretrained("siglip", folder)


def videomae(folder: Path) -> Trial:
    return _pretrained("videomae", folder)


def vjepa2(folder: Path) -> Trial:
    return _pretrained("vjepa2", folder)


def i3d(folder: Path) -> Trial:
    torch.manual_seed(0)
    weights = folder / "i3d.pt"
    torch.save(InceptionI3D().state_dict(), weights)
    config = {"weights": str(weights), "pixels": "-1..1", "window": 2, "stride": 2}
    return Trial(config=config, inputs=typed(8), lengths=(6, 3, 2))


def lips(folder: Path) -> Trial:
    return Trial(config={"scratch": VIT, "dim": 6}, inputs=typed(16), lengths=(16, 3, 9))


def resnet(folder: Path) -> Trial:
    return Trial(config={"scratch": RESNET}, inputs=typed(SIDE), lengths=FRAMES)


def resnet_clip(folder: Path) -> Trial:
    config: dict[str, Any] = {"scratch": RESNET, "dim": 6}
    return Trial(config=config, inputs=typed(20), lengths=(25, 3, 13))


def pose_transformer(folder: Path) -> Trial:
    return Trial(config={"dim": 16, "window": 8, "stride": 4})
