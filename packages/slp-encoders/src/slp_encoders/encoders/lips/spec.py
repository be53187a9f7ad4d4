"""The ``lips`` encoder: crops of the mouth or the face, as VALLR reads lips."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, lt

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType
from slp_encoders.encoders.config import one_of_both, per_window


@frozen
class ViTScratch:
    """A new ViT, its sizes named as by transformers' ``ViTConfig``; a ViT-B/16 as it is."""

    image_size: int = field(
        default=224, validator=ge(1), metadata={"help": "pixels a side: the processor's size"}
    )
    patch_size: int = field(default=16, validator=ge(1), metadata={"help": "pixels a side"})
    hidden_size: int = field(default=768, validator=ge(1), metadata={"help": "width of the tokens"})
    num_hidden_layers: int = field(default=12, validator=ge(1), metadata={"help": "stacked layers"})
    num_attention_heads: int = field(
        default=12, validator=ge(1), metadata={"help": "heads of attention"}
    )
    intermediate_size: int = field(
        default=3072, validator=ge(1), metadata={"help": "width of the feed-forward layers"}
    )

    def __attrs_post_init__(self) -> None:
        for whole, part in (
            ("image_size", "patch_size"),
            ("hidden_size", "num_attention_heads"),
        ):
            if (size := getattr(self, whole)) % (share := getattr(self, part)):
                raise ValueError(
                    f"scratch: {whole} is {size}, {part} {share}; a multiple of it is expected"
                )


@frozen
class LipsConfig:
    """Either ``model`` (a checkpoint) or ``scratch`` (a new network of configured size)."""

    model: str | None = field(
        default=None,
        metadata={"help": 'hub name or folder of a ViT, as "google/vit-base-patch16-224-in21k"'},
    )
    scratch: ViTScratch | None = field(
        default=None, metadata={"help": "a new network, to be trained; nothing is downloaded"}
    )
    output: Literal["cls", "patch-mean"] = field(
        default="cls",
        metadata={"help": "of a frame: the class token, or the mean of the patches; after the "
                          "final LayerNorm"},
    )  # fmt: skip
    dim: int = field(default=512, validator=ge(1), metadata={"help": "width of the steps"})
    downsample: Literal[2, 4, 8] = field(
        default=2,
        metadata={"help": "frames in for a step out: each convolution over time halves the rate"},
    )
    pixel_mask: float = field(
        default=0.5,
        validator=[ge(0), lt(1)],
        metadata={"help": "share of the pixels that are hidden in training, drawn anew for each "
                          "frame"},
    )  # fmt: skip
    batch: int = field(
        default=64,
        validator=ge(1),
        metadata={"help": "frames, and then windows of them, through the network at once"},
    )

    def __attrs_post_init__(self) -> None:
        one_of_both(self.model, self.scratch)

    @property
    def window(self) -> int:
        """Frames that a step is made of: kernels of 5 and then 3, none of them padded."""
        return 2 * self.downsample + 1


def signature(config: LipsConfig, inputs: TensorType) -> TensorType:
    """``b t c h w`` bytes to ``b t' dim``; the rate falls by ``downsample``."""
    if config.scratch is not None:
        side = Size(config.scratch.image_size, "scratch.image_size")
        inputs.expect("b t c h w", h=side, w=side)
    return per_window(inputs, config.downsample, Size(config.dim, "dim"))


SPEC = ComponentSpec(
    kind="encoder",
    config=LipsConfig,
    signature=signature,
    factory="slp_encoders.encoders.lips.model:LipsEncoder",
    summary="mouths through a ViT and convolutions over time, as in VALLR and SignBind-LLM",
    paper="arXiv:2503.21408",
    example={"model": "google/vit-base-patch16-224-in21k"},
    trial="slp_encoders.trials.encoders:lips",
)
