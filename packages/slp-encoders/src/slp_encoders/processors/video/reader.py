"""Video files through PyAV, and folders of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from slp_core import moving
from slp_core.signals import Clip, Extent, Processor, Signal
from slp_encoders.processors.mediapipe.estimate import estimated
from slp_encoders.processors.video.augment import vary
from slp_encoders.processors.video.crop import Boxes, boxes_of, pose_in
from slp_encoders.processors.video.decode import Shown
from slp_encoders.processors.video.film import SUFFIXES, Film, extent_of_film, open_film, upright
from slp_encoders.processors.video.player import strip, webm
from slp_encoders.processors.video.spec import VideoConfig


class VideoReader(Processor):
    """A clip to ``t c h w`` uint8, upright as the file's display matrix says (turns by quarters
    and mirrors): the shorter side scaled to ``size`` and the centre kept, or with ``crop`` the
    square around mouth, face or hand (:mod:`slp_encoders.processors.video.crop`)."""

    config: VideoConfig

    def read(self, clip: Clip) -> Signal:
        with open_film(clip, self.config.frame_rate) as film:
            values = np.stack([one.transpose(2, 0, 1) for one in self._pictures(film)])
        return Signal(values, self.config.fps or film.rate)  # (t, c, h, w)

    def probe(self, clip: Clip) -> int:
        """Decodes every frame, since only that finds damage, but converts one alone."""
        count = 0
        with open_film(clip, self.config.frame_rate) as film:
            boxes = self._boxes(film)
            for shown, matrix in film.timed(self.config.fps):
                if count == 0:
                    self._picture(shown, matrix, boxes, VideoReformatter())
                elif boxes is not None:
                    boxes.centre(shown.start)
                count += 1
        return count

    @property
    def suffixes(self) -> tuple[str, ...]:
        return SUFFIXES

    def extent(self, clip: Clip) -> Extent:
        return extent_of_film(clip, self.config.frame_rate)

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

    def show(self, clip: Clip, frames: int = 8) -> list[str]:
        """Frames of the whole picture, whatever is cut out of it."""
        with open_film(clip, self.config.frame_rate) as film:
            return strip(film, frames)

    def play(self, clip: Clip) -> moving.Film:
        with open_film(clip, self.config.frame_rate) as film:
            return webm(film)

    def augment(self, signal: Signal, rng: np.random.Generator) -> Signal:
        """One draw a clip: all its frames are turned, cut and lit in the same way."""
        if self.config.augment is None:
            return signal
        return Signal(vary(signal.values, self.config.augment, rng), signal.rate)

    def files(self, clip: Clip) -> list[Path]:
        pose = self._pose(clip)
        return super().files(clip) + ([] if pose is None else [pose])

    def _pictures(self, film: Film) -> Iterator[np.ndarray]:
        boxes, scaler = self._boxes(film), VideoReformatter()
        for shown, matrix in film.timed(self.config.fps):
            yield self._picture(shown, matrix, boxes, scaler)

    def _pose(self, clip: Clip) -> Path | None:
        return None if self.config.poses is None else pose_in(self.config.poses, clip.source)

    def _boxes(self, film: Film) -> Boxes | None:
        if self.config.crop == "centre":
            return None
        clip = film.clip
        pose = self._pose(clip) or estimated(clip.source, self.config.frame_rate)
        return boxes_of(pose, self.config.crop, clip, film.rate)

    def _picture(
        self, shown: Shown, matrix: np.ndarray, boxes: Boxes | None, scaler: VideoReformatter
    ) -> np.ndarray:
        if boxes is None:
            return upright(self._centre(shown.frame, scaler), matrix)
        whole = scaler.reformat(shown.frame, format="rgb24").to_ndarray()
        return boxes.cut(upright(whole, matrix), shown.start, self.config.size)

    def _centre(self, frame: VideoFrame, scaler: VideoReformatter) -> np.ndarray:
        size, short = self.config.size, min(frame.width, frame.height)
        width = max(size, round(frame.width * size / short))
        height = max(size, round(frame.height * size / short))
        way = Interpolation.AREA if size < short else Interpolation.BICUBIC
        scaled = scaler.reformat(frame, width, height, "rgb24", interpolation=way)
        left, top = (width - size) // 2, (height - size) // 2
        return scaled.to_ndarray()[top : top + size, left : left + size]
