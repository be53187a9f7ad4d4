"""SignLLM's visual encoder (Gong et al., arXiv:2404.00925)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_encoders.encoders.frames import FrameEncoder
from slp_encoders.encoders.resnet.model import PictureResNet
from slp_encoders.encoders.resnet_clip.spec import ResNetClipConfig, places
from slp_encoders.encoders.windows import Windows

SMALLEST = 5  #: height and width of the ResNet's map that both convolutions need


class ResNetClipEncoder(FrameEncoder):
    """Frames ``b t c h w`` of bytes to a vector a clip, ``b t' d``, at ``rate / stride``.

    Every frame goes through the ResNet once, up to its last map; two convolutions over time,
    height and width (5 x 3 x 3, time halved, nothing padded) read the maps of each clip, and the
    mean is taken of what is left (``d = dim``), or with ``pool = "grid"`` all of it. Of 13 frames,
    5 and then 1 remain.

    The paper tells the ResNet-18, the two convolutions and the clips of 13 frames every 4. Not
    known, and chosen here: batch normalisation and ReLU between the two convolutions, ``dim``
    channels out of both, no padding, the mean.

    Raises:
        UserError: the ResNet cannot be loaded, or the pictures are too small for it.
    """

    def __init__(self, config: ResNetClipConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.receptive_field = ReceptiveField(config.window, config.stride, config.tail)
        self.pictures = PictureResNet(config.model, config.scratch, config.batch, context)
        if context.inputs is not None:
            self._refuse_small(min(context.inputs.known("h"), context.inputs.known("w")))
        self.clips = nn.Sequential(
            nn.Conv3d(self.pictures.width, config.dim, (5, 3, 3), (2, 1, 1), bias=False),
            nn.BatchNorm3d(config.dim),
            nn.ReLU(),
            nn.Conv3d(config.dim, config.dim, (5, 3, 3), (2, 1, 1)),
        )

    def _refuse_small(self, side: int) -> None:
        if self.pictures.side(side) < SMALLEST:
            least = next(n for n in range(side, 10_000) if self.pictures.side(n) == SMALLEST)
            raise UserError(
                f"{self.context.path or 'resnet-clip'}: pictures of {side} pixels a side leave too "
                f"little of themselves for the convolutions; set the processor's size to {least} "
                "or more"
            )

    def sizes(self) -> dict[str, int]:
        if self.config.pool == "mean":
            return {"d": self.config.dim}
        if self.context.inputs is None:
            raise UserError('pool = "grid" needs Context(inputs=TensorType(...)): pictures h by w')
        h, w = (self.pictures.side(self.context.inputs.known(axis)) for axis in "hw")
        return {"d": self.config.dim * places(self.config.window, h, w)}

    def save_assets(self, folder: Path) -> None:
        self.pictures.save_assets(folder)

    def forward(self, inputs: Sequence) -> Sequence:
        maps = inputs.with_steps(self.pictures(inputs.steps)).values  # (b, t, d, h, w)
        windows = Windows.of(inputs, self.config.window, self.config.stride, self.config.tail)
        some = len(windows.clip) if self.training else self.config.batch
        parts = windows.batches(maps, some)  # (n, w, d, h, w)
        return windows.sequence(torch.cat([self._encode(clips) for clips in parts]))

    def _encode(self, clips: Tensor) -> Tensor:
        """``n w d h w`` to ``n d``."""
        left = self.clips(clips.transpose(1, 2))  # (n, d, w', h', w')
        return left.mean((2, 3, 4)) if self.config.pool == "mean" else left.flatten(1)
