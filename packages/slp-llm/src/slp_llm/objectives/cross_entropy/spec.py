"""What a recipe may write about the cross-entropy of the reference text."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, lt

from slp_core.spec import ComponentSpec


@frozen
class CrossEntropyConfig:
    """Of the decoder, a cascade's too, and of the text that the recipe translates into: ``on`` and
    ``target`` are left out."""

    label_smoothing: float = field(
        default=0.0,
        validator=[ge(0), lt(1)],
        metadata={"help": "share of the target's probability spread over the vocabulary"},
    )
    r_drop: float = field(
        default=0.0,
        validator=ge(0),
        metadata={
            "help": "weight of the divergence between two draws of the decoder's dropout, which "
            "doubles the work (R-Drop, arXiv:2106.14448; 1 to 5)"
        },
    )
    prompt_loss: bool = field(
        default=False,
        metadata={
            "help": "also learn to say what seq2seq's texts start with, prompt and tag, which are "
            "given when translating (as MultimodalHugs does)"
        },
    )


SPEC = ComponentSpec(
    kind="objective",
    config=CrossEntropyConfig,
    factory="slp_llm.objectives.cross_entropy.model:CrossEntropy",
    summary="Cross-entropy of the reference text, teacher forced",
    paper="arXiv:1512.00567",
)
