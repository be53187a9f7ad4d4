"""VALLR's video encoder (Thomas et al., arXiv:2503.21408), the lip stream of SignBind-LLM
(arXiv:2509.00030)."""

from __future__ import annotations

from typing import Any

import torch
from attrs import asdict
from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

from slp_core.context import Context
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_core.signals import Processor
from slp_encoders.encoders.lips.spec import LipsConfig
from slp_encoders.encoders.pictures import PictureEncoder
from slp_encoders.encoders.windows import Windows
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig

#: of ViT's training pictures; what networks from scratch are given
HALVES = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


class Halving(nn.Module):
    """``n w d`` to ``n (w - kernel) / 2 + 1 dim``: a convolution over every second place, nothing
    padded, LayerNorm of each step, ReLU."""

    def __init__(self, width: int, dim: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width, dim, kernel, stride=2)
        self.norm = nn.LayerNorm(dim)

    def forward(self, steps: Tensor) -> Tensor:
        return self.norm(self.convolution(steps.mT).mT).relu()


class LipsEncoder(PictureEncoder):
    """Crops ``b t c h w`` of bytes (the ``video`` processor's, of mouths or faces) to ``b t' dim``.

    Every frame goes through a ViT by itself; convolutions over time halve the rate, one for each
    factor of two in ``downsample``. A step is made of ``2 downsample + 1`` frames, the next one
    ``downsample`` further on; at the end, a clip's last frame is repeated. In training, each pixel
    of a frame is the mean colour with probability ``pixel_mask``.

    Known of VALLR: a ViT of base size that reads face crops, random pixel masking at 0.5, and
    convolutions over its tokens (kernels 5 and 3, stride 2, ReLU) that leave 8 steps of 16 frames,
    hence ``downsample = 2``. Chosen here: each frame by itself (VALLR's tokens are of two frames
    and a patch, space and time in one row), the class token, pixels that are masked one by one, no
    padding, LayerNorm for batch normalisation (so that a step depends on its own frames in
    training, too), and no layer behind the convolutions, since a mapper follows.

    Raises:
        UserError: as other pretrained networks over frames.
    """

    title = "ViT"
    kinds = (ViTConfig,)
    config: LipsConfig

    def __init__(self, config: LipsConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.receptive_field = ReceptiveField(config.window, config.downsample)
        kernels = [5, 3, 3][: config.downsample.bit_length() - 1]
        widths = [self.vision.hidden_size, *[config.dim] * len(kernels)]
        self.convolutions = nn.Sequential(
            *(Halving(*sizes) for sizes in zip(widths, widths[1:], kernels, strict=False))
        )

    def _fresh(self) -> bool:
        return self.config.scratch is not None and self.context.assets is None

    def _whole_config(self) -> Any:
        if self._fresh():
            assert self.config.scratch is not None
            return ViTConfig(**asdict(self.config.scratch))
        return super()._whole_config()

    def _preprocessor(self) -> dict[str, Any]:
        return HALVES if self._fresh() else super()._preprocessor()

    def _network(self) -> Any:
        if self.config.scratch is None and self.context.reads_weights:
            return super()._network()
        return ViTModel(self.vision, add_pooling_layer=False)

    def _refuse_other_weights(self, network: Any, report: dict[str, Any]) -> None:
        """The pooling layer is not read: whether there is one does not matter."""
        network.pooler = None
        missing = [key for key in report["missing_keys"] if not key.startswith("pooler.")]
        super()._refuse_other_weights(network, {**report, "missing_keys": missing})

    def processor(self) -> Processor:
        return VideoReader(VideoConfig(size=self.side, crop="mouth"))

    def sizes(self) -> dict[str, int]:
        return {"d": self.config.dim}

    def normalised(self, frames: Tensor) -> Tensor:
        pixels = super().normalised(frames)  # (n, c, h, w)
        if self.training:
            n, _, height, width = pixels.shape
            hidden = torch.rand(n, 1, height, width, device=pixels.device) < self.config.pixel_mask
            pixels = pixels.masked_fill(hidden, 0)
        return pixels

    def encode(self, pictures: Tensor) -> Tensor:
        tokens = self.network(pictures).last_hidden_state  # (n, class patches, d)
        return tokens[:, 0] if self.config.output == "cls" else tokens[:, 1:].mean(1)

    def forward(self, inputs: Sequence) -> Sequence:
        frames = super().forward(inputs)  # (b, t, d)
        windows = Windows.of(frames, self.config.window, self.config.downsample)
        parts = windows.batches(frames.values, self.config.batch)  # (n, w, d)
        return windows.sequence(torch.cat([self.convolutions(some)[:, 0] for some in parts]))
