"""The ``resnet`` encoder: every picture by itself through a residual network."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import deep_iterable, ge, min_len

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType
from slp_encoders.encoders.config import POOL_HELP, Pool, one_of_both

_SIZES: Any = deep_iterable(ge(1), min_len(1))


@frozen
class ResNetScratch:
    """A new ResNet, its sizes named as by transformers' ``ResNetConfig``; a ResNet-18 as it is."""

    embedding_size: int = field(
        default=64, validator=ge(1), metadata={"help": "channels after the first convolution"}
    )
    hidden_sizes: tuple[int, ...] = field(
        default=(64, 128, 256, 512),
        validator=_SIZES,
        metadata={"help": "channels of each stage; each but the first halves height and width"},
    )
    depths: tuple[int, ...] = field(
        default=(2, 2, 2, 2), validator=_SIZES, metadata={"help": "residual layers of each stage"}
    )
    layer_type: Literal["basic", "bottleneck"] = field(
        default="basic",
        metadata={"help": "two 3 x 3 convolutions a layer, or 1 x 1, 3 x 3 and 1 x 1"},
    )

    def __attrs_post_init__(self) -> None:
        stages, depths = len(self.hidden_sizes), len(self.depths)
        if stages != depths:
            raise ValueError(f"scratch: hidden_sizes are of {stages} stages, depths of {depths}")
        if self.layer_type == "bottleneck" and any(size % 4 for size in self.hidden_sizes):
            raise ValueError("scratch: hidden_sizes of bottleneck layers divide by 4")


@frozen
class ResNetConfig:
    """Either ``model`` (a checkpoint) or ``scratch`` (a new network of configured size)."""

    model: str | None = field(
        default=None,
        metadata={"help": 'hub name or folder of a ResNet, as "microsoft/resnet-18"'},
    )
    scratch: ResNetScratch | None = field(
        default=None, metadata={"help": "a new network, to be trained; nothing is downloaded"}
    )
    pool: Pool = field(default="mean", metadata=POOL_HELP)
    batch: int = field(
        default=64,
        validator=ge(1),
        metadata={"help": "pictures through the network at once; in training, all of a batch"},
    )

    def __attrs_post_init__(self) -> None:
        one_of_both(self.model, self.scratch)


def side(pixels: int, stages: int) -> int:
    """Height or width of the last map: every stage halves, the two layers before the first too."""
    return -(-pixels // 2 ** (1 + stages))


def signature(config: ResNetConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t d``; of a checkpoint, only the weights tell ``d``."""
    inputs.expect("b t c h w", dtype="uint8", c=3)
    width: Size | Symbol = Symbol("d")
    if config.scratch is not None:
        sizes, places = config.scratch.hidden_sizes, 1
        if config.pool == "grid":
            places = side(inputs.known("h"), len(sizes)) * side(inputs.known("w"), len(sizes))
        width = Size(sizes[-1] * places, "scratch.hidden_sizes")
    return inputs.to("b t d", d=width, dtype="float32", modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=ResNetConfig,
    signature=signature,
    factory="slp_encoders.encoders.resnet.model:ResNetEncoder",
    summary="every picture through a ResNet, pretrained or from scratch",
    paper="arXiv:1512.03385",
    example={"model": "microsoft/resnet-18"},
    trial="slp_encoders.trials.encoders:resnet",
)
