"""V-JEPA 2 (arXiv:2506.09985) from Hugging Face transformers."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import VJEPA2Config as TheirConfig
from transformers import VJEPA2Model
from transformers.utils import VIDEO_PROCESSOR_NAME
from transformers.video_processing_utils import BaseVideoProcessor

from slp_core.errors import UserError
from slp_encoders.encoders.checkpoints import PREPROCESSOR
from slp_encoders.encoders.pictures import WindowEncoder


class WithoutPredictor(VJEPA2Model):
    """The encoder alone: the predictor guesses masked patches, in pre-training only."""

    def __init__(self, config: TheirConfig) -> None:
        super().__init__(config)
        del self.predictor


class VJEPA2Encoder(WindowEncoder):
    """Frames ``b t c h w`` of bytes to a vector a window, ``b t' d``, at ``rate / stride``.

    The vector is the mean of the window's tokens after the final LayerNorm
    (``VJEPA2Model.get_vision_features``): V-JEPA 2 has no class token. The paper pools with an
    attentive probe instead, which is trained for each task; what a checkpoint has of it, and its
    predictor, are left out.
    """

    title = "V-JEPA 2"
    kinds = (TheirConfig,)

    @property
    def side(self) -> int:
        return self.vision.crop_size

    def _vision_config(self, whole: Any) -> Any:
        vision, window = super()._vision_config(whole), self.config.window
        if more := -window % vision.tubelet_size:
            raise UserError(
                f"{self.where}: {self.config.model} sees tubes of {vision.tubelet_size} frames, "
                f"window = {window} was written; write a multiple, as window = {window + more}"
            )
        return vision

    def _network_class(self) -> Any:
        return WithoutPredictor

    def _preprocessor(self) -> dict[str, Any]:
        try:
            return BaseVideoProcessor.get_video_processor_dict(self.source)[0]
        except OSError as error:
            raise OSError(f"it has neither {VIDEO_PROCESSOR_NAME} nor {PREPROCESSOR}") from error

    def encode(self, windows: Tensor) -> Tensor:
        return self.network.get_vision_features(windows).mean(1)  # (n, tokens, d) to (n, d)
