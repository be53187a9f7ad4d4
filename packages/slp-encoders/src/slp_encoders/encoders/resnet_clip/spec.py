"""The ``resnet-clip`` encoder: SignLLM's, a ResNet and two convolutions over short clips."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType
from slp_encoders.encoders.config import POOL_HELP, Pool, WindowConfig, one_of_both, per_window
from slp_encoders.encoders.resnet.spec import ResNetScratch, side


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
    dim: int = field(
        default=1024, validator=ge(1), metadata={"help": "channels of both convolutions"}
    )
    pool: Pool = field(default="mean", metadata=POOL_HELP)
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
    """``b t c h w`` bytes to ``b t' d``, a step a clip: ``dim`` numbers, or with ``pool = "grid"``
    so many for each place that is left; of a checkpoint, only the weights tell how many."""
    width: Size | Symbol = Size(config.dim, "dim")
    if config.pool == "grid":
        width = Symbol("d")
        if config.scratch is not None:
            stages = len(config.scratch.hidden_sizes)
            maps = [side(inputs.expect("b t c h w").known(axis), stages) for axis in "hw"]
            width = Size(config.dim * places(config.window, *maps), "dim")
    return per_window(inputs, config.stride, width)


def places(window: int, h: int, w: int) -> int:
    """What two convolutions of 5 x 3 x 3, time halved, leave of ``window h w``."""
    frames = ((window - 5) // 2 + 1 - 5) // 2 + 1
    return frames * (h - 4) * (w - 4)


SPEC = ComponentSpec(
    kind="encoder",
    config=ResNetClipConfig,
    signature=signature,
    factory="slp_encoders.encoders.resnet_clip.model:ResNetClipEncoder",
    summary="short clips through a ResNet and two convolutions over time, as in SignLLM",
    paper="arXiv:2404.00925",
    example={"model": "microsoft/resnet-18"},
    trial="slp_encoders.trials.encoders:resnet_clip",
)
