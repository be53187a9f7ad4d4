"""Configuration and signature of codebook reconstruction and alignment."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType, TypeMismatch


@frozen
class CRAConfig:
    """Keys of codebook reconstruction and alignment."""

    candidates: int = field(
        default=8192,
        validator=validators.ge(1),
        metadata={"help": "candidate words of several characters, at most"},
    )
    longest: int = field(
        default=8, validator=validators.ge(2), metadata={"help": "characters of a word, at most"}
    )
    min_count: int = field(
        default=5,
        validator=validators.ge(2),
        metadata={"help": "a word seen less often in training is no candidate"},
    )
    step: int = field(
        default=32,
        validator=validators.ge(1),
        metadata={"help": "words between two sizes of the codebook that are compared (m)"},
    )
    size: int | None = field(
        default=None,
        validator=validators.optional(validators.ge(1)),
        metadata={"help": "size of the codebook, single characters included; left out: the one of "
                          "the greatest marginal utility"},
    )  # fmt: skip
    per_character: bool = field(
        default=False,
        metadata={"help": "compare entropies a character, as VOLT does, not a word as SignLLM"},
    )
    regularisation: float = field(
        default=1.0,
        validator=validators.ge(0.01),
        metadata={"help": "weight of the plan's entropy (gamma); at 1 the transport's optimum is "
                          "the codebook's entropy"},
    )  # fmt: skip
    relaxation: float = field(
        default=10.0,
        validator=validators.gt(0),
        metadata={"help": "weight of the divergence from the words' frequencies; inf: they are "
                          "met exactly", "infinite": True},
    )  # fmt: skip
    keep: float = field(
        default=1e-5,
        validator=validators.ge(0),
        metadata={"help": "a word stays that keeps more than this share of its frequency"},
    )
    solver: Literal["pot", "sparse"] = field(
        default="pot",
        metadata={"help": "POT's, on the dense matrix; or the same steps on what is not forbidden"},
    )
    embed: Literal["mean", "gru"] = field(
        default="mean",
        metadata={"help": "a word's vector: the mean of its characters', or what a GRU makes of "
                          "them in order"},
    )  # fmt: skip


def signature(config: CRAConfig, inputs: TensorType) -> TensorType:
    """``b t d`` with codes to ``b t' d``; words have no clock."""
    inputs.expect("b t d", dtype="float32")
    if "vocabulary" not in inputs.sizes:
        raise TypeMismatch("gives no codes; cra stands behind a tokenizer, such as vq-sign")
    return inputs.to(modality=None, rate=None)


SPEC = ComponentSpec(
    kind="mapper",
    config=CRAConfig,
    signature=signature,
    factory="slp_fusion.mappers.cra.model:CRA",
    summary="characters to words, by optimal transport, as in SignLLM",
    paper="arXiv:2404.00925",
    fits=True,
)
