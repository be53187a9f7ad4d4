"""Video files through PyAV, and folders of pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from slp_core.signals import Clip, Processor, Signal
from slp_encoders.processors.video.augment import vary
from slp_encoders.processors.video.film import Film, open_film, upright
from slp_encoders.processors.video.spec import VideoConfig


class VideoReader(Processor):
    """A clip to ``t c h w`` uint8: the shorter side scaled to ``size``, the centre kept, upright
    as the file's display matrix says (turns by quarters and mirrors)."""

    config: VideoConfig

    def read(self, clip: Clip) -> Signal:
        with open_film(clip, self.config.frame_rate) as film:
            values = np.stack([one.transpose(2, 0, 1) for one in self._pictures(film)])
        return Signal(values, self.config.fps or film.rate)  # (t, c, h, w)

    def probe(self, clip: Clip) -> int:
        """Decodes every frame, since only that finds damage, but converts one alone."""
        count = 0
        with open_film(clip, self.config.frame_rate) as film:
            for frame, _ in film.frames(self.config.fps):
                if count == 0:
                    self._picture(frame, VideoReformatter())
                count += 1
        return count

    def frames(self, clip: Clip) -> Iterator[np.ndarray]:
        """One picture ``h w c`` uint8 after the other, in the memory of one frame.

        Raises:
            SignalError: as :meth:`read`.
        """
        with open_film(clip, self.config.frame_rate) as film:
            yield from self._pictures(film)

    def rate(self, clip: Clip) -> float:
        """Pictures a second. Raises: SignalError."""
        with open_film(clip, self.config.frame_rate) as film:
            return self.config.fps or film.rate

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """One draw a clip: all its frames are turned, cut and lit in the same way."""
        if self.config.augment is None:
            return signal
        return Signal(vary(signal.values, self.config.augment, rng), signal.rate)

    def _pictures(self, film: Film) -> Iterator[np.ndarray]:
        scaler = VideoReformatter()
        for frame, matrix in film.frames(self.config.fps):
            yield upright(self._picture(frame, scaler), matrix)

    def _picture(self, frame: VideoFrame, scaler: VideoReformatter) -> np.ndarray:
        size, short = self.config.size, min(frame.width, frame.height)
        width = max(size, round(frame.width * size / short))
        height = max(size, round(frame.height * size / short))
        way = Interpolation.AREA if size < short else Interpolation.BICUBIC
        scaled = scaler.reformat(frame, width, height, "rgb24", interpolation=way)
        left, top = (width - size) // 2, (height - size) // 2
        return scaled.to_ndarray()[top : top + size, left : left + size]
