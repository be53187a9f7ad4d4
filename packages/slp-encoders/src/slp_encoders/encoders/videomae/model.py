"""VideoMAE (arXiv:2203.12602) from Hugging Face transformers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import VideoMAEConfig as TheirConfig

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.parts import ReceptiveField
from slp_core.sequence import Sequence
from slp_encoders.encoders.pictures import VisionTransformer
from slp_encoders.encoders.videomae.spec import VideoMAEConfig
from slp_encoders.encoders.windows import Windows


class VideoMAEEncoder(VisionTransformer):
    """Frames ``b t c h w`` of bytes to a vector a window, ``b t' d``, at ``rate / stride``.

    Windows start every ``stride`` frames. A clip shorter than a window is one window, its last
    frame repeated. ``tail = "repeat"`` does the same with the frames behind the last full
    window, so that every frame is seen; ``"drop"`` leaves them out, as SpaMo does
    (arXiv:2408.10593), which gives ``floor((t - window) / stride) + 1`` windows.

    VideoMAE has no class token: ``pool = "first-token"`` is the patch at the top left of the
    first frames, which SpaMo takes (``hidden_states[-1][:, 0]``); ``"mean"`` is over all patches.
    """

    title = "VideoMAE"
    kinds = (TheirConfig,)

    def __init__(self, config: VideoMAEConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.receptive_field = ReceptiveField(config.window, config.stride, config.tail)

    def _vision_config(self, whole: Any) -> Any:
        vision = super()._vision_config(whole)
        vision.use_mean_pooling = self.config.output == "last"  # transformers: no final LayerNorm
        if self.config.window != vision.num_frames:
            raise UserError(
                f"{self.where}: {self.config.model} sees {vision.num_frames} frames at once, "
                f"window = {self.config.window} was written; write window = {vision.num_frames}"
            )
        return vision

    def forward(self, inputs: Sequence) -> Sequence:
        windows = Windows.of(inputs, self.config.window, self.config.stride, self.config.tail)
        batches = windows.batches(inputs.values, self.config.batch)  # (n, w, c, h, w)
        return windows.sequence(torch.cat([self._encode(some) for some in batches]))

    def _encode(self, frames: Tensor) -> Tensor:
        """``n w c h w`` to ``n d``."""
        tokens = self.network(self.normalised(frames)).last_hidden_state  # (n, patches, d)
        return tokens.mean(1) if self.config.pool == "mean" else tokens[:, 0]
