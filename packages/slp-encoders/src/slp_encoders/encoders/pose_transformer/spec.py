"""The ``pose-transformer`` encoder: a small Transformer over the steps of a clip."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, lt, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class PoseTransformerConfig:
    dim: int = field(validator=ge(2), metadata={"help": "width of the steps, even"})
    layers: int = field(default=2, validator=ge(1), metadata={"help": "stacked layers"})
    heads: int = field(default=4, validator=ge(1), metadata={"help": "heads of attention"})
    ffn: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "width of the feed-forward layers; left out: four times dim"},
    )
    kernel: int = field(
        default=1,
        validator=ge(1),
        metadata={"help": "steps the first convolution sees, odd; 1: each by itself"},
    )
    stride: int = field(
        default=1,
        validator=ge(1),
        metadata={"help": "steps in for a step out, at most window, or kernel without one"},
    )
    window: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata={"help": "steps that are encoded by themselves, into one; left out: the whole "
                          "clip is, into one for every stride"},
    )  # fmt: skip
    dropout: float = field(
        default=0.1,
        validator=[ge(0), lt(1)],
        metadata={"help": "share zeroed in training"},
    )

    def __attrs_post_init__(self) -> None:
        if self.dim % 2 or self.dim % self.heads:
            raise ValueError(
                f"dim is {self.dim}, heads {self.heads}; dim must be even and a multiple of heads"
            )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}; an odd number is expected")
        if self.stride > (self.window or self.kernel):
            raise ValueError(
                f"stride is {self.stride}, {'window' if self.window else 'kernel'} is "
                f"{self.window or self.kernel}: some steps would never be seen"
            )


def signature(config: PoseTransformerConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to ``b t' dim``; the rate falls by the stride."""
    inputs.expect("b t d", dtype="float32")
    rate = inputs.rate and inputs.rate / config.stride
    return inputs.to("b t d", d=Size(config.dim, "dim"), rate=rate, modality=None)


SPEC = ComponentSpec(
    kind="encoder",
    config=PoseTransformerConfig,
    signature=signature,
    factory="slp_encoders.encoders.pose_transformer.model:PoseTransformerEncoder",
    summary="a small trainable Transformer over poses or features",
    paper="arXiv:1706.03762",
    example={"dim": 256},
    trial="slp_encoders.trials.encoders:pose_transformer",
)
