"""VideoMAE (arXiv:2203.12602) from Hugging Face transformers."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import VideoMAEConfig as TheirConfig

from slp_core.errors import UserError
from slp_encoders.encoders.pictures import WindowEncoder


class VideoMAEEncoder(WindowEncoder):
    """Frames ``b t c h w`` of bytes to a vector a window, ``b t' d``, at ``rate / stride``.

    VideoMAE has no class token: ``pool = "first-token"`` is the patch at the top left of the
    first frames, which SpaMo (arXiv:2408.10593) takes (``hidden_states[-1][:, 0]``); ``"mean"``
    is over all patches. SpaMo drops the frames behind the last full window: ``tail = "drop"``.
    """

    title = "VideoMAE"
    kinds = (TheirConfig,)

    def _vision_config(self, whole: Any) -> Any:
        vision = super()._vision_config(whole)
        vision.use_mean_pooling = self.config.output == "last"  # transformers: no final LayerNorm
        if self.config.window != vision.num_frames:
            raise UserError(
                f"{self.where}: {self.config.model} sees {vision.num_frames} frames at once, "
                f"window = {self.config.window} was written; write window = {vision.num_frames}"
            )
        return vision

    def encode(self, windows: Tensor) -> Tensor:
        tokens = self.network(windows).last_hidden_state  # (n, patches, d)
        return tokens.mean(1) if self.config.pool == "mean" else tokens[:, 0]
