"""Real encoders over real films, against their own pass over the whole clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    Dinov2Config,
    Dinov2Model,
    VideoMAEConfig,
    VideoMAEModel,
    ViTImageProcessor,
)

from slp_core.manifest import Row
from slp_core.parts import Encoder
from slp_core.signals import Clip
from slp_encoders import DinoV2Config as DinoV2
from slp_encoders import (
    DinoV2Encoder,
    ResNetConfig,
    ResNetEncoder,
    ResNetScratch,
    VideoConfig,
    VideoMAEEncoder,
    VideoReader,
)
from slp_encoders import VideoMAEConfig as VideoMAE
from slp_encoders.extraction.extractor import Extractor, Wanted
from slp_encoders.extraction.store import FeatureCache

from . import toys

SMALL: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8,
    "image_size": 32,
}  # fmt: skip


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Encoder]:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    Dinov2Model(Dinov2Config(**SMALL)).save_pretrained(folder / "dinov2")
    small = {**SMALL, "num_frames": 4, "tubelet_size": 2, "intermediate_size": 32}
    VideoMAEModel(VideoMAEConfig(**small)).save_pretrained(folder / "videomae")
    for name in ("dinov2", "videomae"):
        ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder / name)
    scratch = ResNetScratch(embedding_size=8, hidden_sizes=(8, 16), depths=(1, 1))
    return {
        "dinov2": DinoV2Encoder(DinoV2(str(folder / "dinov2"), batch=5)),
        "resnet": ResNetEncoder(ResNetConfig(scratch=scratch, batch=8)),
        "videomae": VideoMAEEncoder(
            VideoMAE(str(folder / "videomae"), window=4, stride=3, batch=2)
        ),
    }


def test_films(tmp_path: Path, encoders: dict[str, Encoder]) -> None:
    reader = VideoReader(VideoConfig(size=32))
    clips = [
        Clip(str(toys.write_video(tmp_path / f"{frames}.mp4", frames, seed=frames)))
        for frames in (3, 17, 4, 30)
    ]
    clips.append(Clip(clips[3].source, 200, 640))
    extractor = Extractor(FeatureCache(tmp_path / "cache"), reader, encoders)
    rows = [Row({"id": str(number)}, Path("a.tsv"), number) for number in range(len(clips))]
    extractor.run([Wanted(c, [row], extractor.keys(c)) for c, row in zip(clips, rows, strict=True)])
    assert not extractor.bad
    for clip in clips:
        signal = reader.read(clip)
        for name, key in extractor.keys(clip).items():
            theirs, rate = toys.forward_alone(encoders[name], signal.values, signal.rate)
            assert torch.allclose(extractor.store.read(key), theirs, atol=1e-5), name
            assert extractor.store.record(key).rate == pytest.approx(rate)
            assert theirs.std() > 0.01
