"""The ``resnet-clip`` encoder: SignLLM's, a ResNet and two convolutions over short clips."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType
from slp_encoders.encoders.config import WindowConfig, one_of_both, per_window
from slp_encoders.encoders.resnet.spec import ResNetScratch


@frozen
class ResNetClipConfig(WindowConfig):
    """Either ``model`` (a checkpoint of the ResNet) or ``scratch`` (a new one)."""

    model: str | None = field(
        default=None,
        metadata={"help": 'hub name or folder of a ResNet, as "microsoft/resnet-18"'},
    )
    scratch: ResNetScratch | None = field(
        default=None, metadata={"help": "a new ResNet; nothing is downloaded"}
    )
    dim: int = field(default=1024, validator=ge(1), metadata={"help": "width of the vectors"})
    window: int = field(
        default=13,
        validator=ge(13),
        metadata={"help": "frames of a clip; 13 are just enough for both convolutions"},
    )
    stride: int = field(
        default=4, validator=ge(1), metadata={"help": "frames from one clip to the next"}
    )
    batch: int = field(
        default=64,
        validator=ge(1),
        metadata={"help": "frames, and then clips, through the network at once; in training, all "
                          "of a batch"},
    )  # fmt: skip

    def __attrs_post_init__(self) -> None:
        one_of_both(self.model, self.scratch)


def signature(config: ResNetClipConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t' dim``, a step a clip."""
    return per_window(inputs, config.stride, Size(config.dim, "dim"))


SPEC = ComponentSpec(
    kind="encoder",
    config=ResNetClipConfig,
    signature=signature,
    factory="slp_encoders.encoders.resnet_clip.model:ResNetClipEncoder",
    summary="short clips through a ResNet and two convolutions over time, as in SignLLM",
    paper="arXiv:2404.00925",
)
