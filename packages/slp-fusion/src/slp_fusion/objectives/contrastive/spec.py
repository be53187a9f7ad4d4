"""What a recipe may write about the contrastive objective."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import gt

from slp_core.spec import ComponentSpec


@frozen
class ContrastiveConfig:
    """``on`` names the part whose steps are compared with the text; left out: what the decoder
    reads."""

    through: Literal["embeddings", "encoder"] = field(
        default="embeddings",
        metadata={"help": "steps beside the text's input embeddings (SpaMo), or what the language "
                  "model's encoder makes of both (MMSLT)"},
    )  # fmt: skip
    temperature: float = field(
        default=0.07, validator=gt(0), metadata={"help": "what similarities are divided by"}
    )
    learn_temperature: bool = field(
        default=True, metadata={"help": "begin with it, rather than keep it"}
    )
    gather: bool = field(
        default=False,
        metadata={"help": "tell a clip from those of all processes; otherwise, and in validation, "
                  "from those of its own batch"},
    )  # fmt: skip
    ignore_duplicates: bool = field(
        default=True,
        metadata={"help": "clips of the same sentence are not told from each other; SpaMo does"},
    )
    unmasked_mean: bool = field(
        default=False,
        metadata={"help": "means over the padding of a batch too, as in SpaMo and MMSLT"},
    )


SPEC = ComponentSpec(
    kind="objective",
    config=ContrastiveConfig,
    factory="slp_fusion.objectives.contrastive.model:Contrastive",
    summary="Which text of a batch belongs to which clip, as in CLIP and SpaMo's VT-Align",
    paper="arXiv:2408.10593",
)
