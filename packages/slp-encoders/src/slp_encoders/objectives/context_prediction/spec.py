"""What a recipe may write about context prediction."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec


@frozen
class ContextPredictionConfig:
    """``on`` names the vq-sign tokenizer; it can be left out where there is one only."""

    negatives: int = field(
        default=10, validator=ge(1), metadata={"help": "other steps told from each true one"}
    )
    negatives_from: Literal["clip", "batch"] = field(
        default="clip", metadata={"help": "whose steps those are: the same clip's, or anybody's"}
    )
    negatives_weight: float = field(
        default=1.0, validator=ge(0), metadata={"help": "lambda: weight of their mean"}
    )
    codebook: float = field(
        default=1.0, validator=ge(0), metadata={"help": "weight of the codes' way to the steps"}
    )
    commitment: float = field(
        default=0.25,
        validator=ge(0),
        metadata={"help": "gamma: weight of the steps' way to their codes"},
    )


SPEC = ComponentSpec(
    kind="objective",
    config=ContextPredictionConfig,
    factory="slp_encoders.objectives.context_prediction.model:ContextPrediction",
    summary="Codes that tell the next steps of a clip from others, as in SignLLM",
    paper="arXiv:2404.00925",
    trial="slp_encoders.trials.objectives:context_prediction",
)
