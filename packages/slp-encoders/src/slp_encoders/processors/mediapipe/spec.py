"""The ``mediapipe`` processor: points of the body, face and hands, estimated from films."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import gt

from slp_core.spec import ComponentSpec
from slp_encoders.processors.pose.spec import PoseConfig, signature


@frozen
class MediaPipeConfig(PoseConfig):
    frame_rate: float = field(
        default=25.0,
        validator=gt(0),
        metadata={"help": "how many pictures of a folder were filmed a second"},
    )


SPEC = ComponentSpec(
    kind="processor",
    config=MediaPipeConfig,
    signature=signature,
    factory="slp_encoders.processors.mediapipe.reader:MediaPipeReader",
    summary="video files, or folders of pictures: the signer's pose, normalised as by `pose`",
    paper="arXiv:1906.08172",
    trial="slp_encoders.trials.processors:mediapipe",
)
