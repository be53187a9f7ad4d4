"""Films to sequences of normalised points."""

from __future__ import annotations

from pathlib import Path

from slp_encoders.processors.mediapipe.estimate import estimated
from slp_encoders.processors.mediapipe.folder import pose_folder
from slp_encoders.processors.mediapipe.spec import MediaPipeConfig
from slp_encoders.processors.pose.reader import PoseReader


class MediaPipeReader(PoseReader):
    """A film to ``t d`` float32: what :class:`PoseReader` gives of the pose estimated from it."""

    config: MediaPipeConfig

    pose_folder = staticmethod(pose_folder)

    def pose_file(self, source: str) -> Path:
        return estimated(source, self.config.frame_rate)
