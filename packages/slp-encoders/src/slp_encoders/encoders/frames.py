"""What the encoders of frames share."""

from __future__ import annotations

from slp_core.parts import Encoder
from slp_core.signals import Processor
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig


class FrameEncoder(Encoder):
    """Frames ``b t c h w`` of bytes to ``b t' d``."""

    @property
    def side(self) -> int:
        """How many pixels the frames are high and wide, where there is a choice 224."""
        return 224

    def processor(self) -> Processor:
        return VideoReader(VideoConfig(size=self.side))
