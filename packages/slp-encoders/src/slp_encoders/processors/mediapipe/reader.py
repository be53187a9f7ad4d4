"""Films to sequences of normalised points."""

from __future__ import annotations

from pathlib import Path

from slp_core.signals import Clip, Extent
from slp_encoders.processors.mediapipe.estimate import estimated
from slp_encoders.processors.mediapipe.folder import pose_folder
from slp_encoders.processors.mediapipe.spec import MediaPipeConfig
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.video.film import SUFFIXES, extent_of_film


class MediaPipeReader(PoseReader):
    """A film to ``t d`` float32: what :class:`PoseReader` gives of the pose estimated from it."""

    config: MediaPipeConfig

    pose_folder = staticmethod(pose_folder)

    @property
    def suffixes(self) -> tuple[str, ...]:
        return SUFFIXES

    def extent(self, clip: Clip) -> Extent:
        return extent_of_film(clip, self.config.frame_rate)

    def pose_file(self, source: str) -> Path:
        return estimated(source, self.config.frame_rate)
