"""Configuration and signature of cross-attention."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType, TypeMismatch
from slp_fusion.fusions import config as shared
from slp_fusion.fusions.config import RouterConfig


@frozen
class CrossAttentionConfig:
    """Keys of cross-attention. ``route`` may be left out where one stream tells of the hands."""

    to: str = field(metadata={"help": "stream of the lips, which the hands attend to"})
    route: RouterConfig | None = field(
        default=None, metadata={"help": "which expert tells of the hands, step by step"}
    )
    heads: int = field(default=8, validator=validators.ge(1), metadata={"help": "of attention"})
    dropout: float = field(
        default=0.1,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "of the attention's weights and of what it gives"},
    )


def signature(config: CrossAttentionConfig, inputs: dict[str, TensorType]) -> TensorType:
    """Several ``b t d`` to one on the clock of the hands; ``heads`` divides d."""
    output = shared.signature(config.route, ("to", config.to), inputs)
    width = output["d"]
    if isinstance(width, Size) and width % config.heads:
        raise TypeMismatch(
            f"have d = {int(width)} (`{width.said_by}`), which is no multiple of `heads`, "
            f"{config.heads}"
        )
    return output


SPEC = ComponentSpec(
    kind="fusion",
    config=CrossAttentionConfig,
    signature=signature,
    factory="slp_fusion.fusions.cross_attention.model:CrossAttention",
    summary="experts routed step by step, which attend to the lips",
    paper="arXiv:2509.00030",
    example={"to": "lips"},
    trial="slp_fusion.trials:cross_attention",
)
