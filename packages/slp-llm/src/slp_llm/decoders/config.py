"""What a recipe may write about every language model."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, instance_of, lt, min_len, optional

RATE = and_(ge(0.0), lt(1.0))  # a dropout rate
_COUNT = and_(instance_of(int), ge(1))


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class Vocabulary:
    """How the tokenizer of a from-scratch model splits text; it is trained on the target column."""

    kind: Literal["word", "bpe", "unigram", "char"] = field(
        default="word",
        metadata=_help("words between blanks, subwords (BPE, unigram), or characters"),
    )
    size: int = field(
        default=4000,
        validator=ge(5),
        metadata=_help("at most so many tokens, <pad> <s> </s> <unk> among them"),
    )
    min_count: int = field(
        default=1,
        validator=ge(1),
        metadata=_help("rarer words or characters (bpe: pairs to merge) get no token"),
    )
    lower: bool = field(default=False, metadata=_help("lower-case the text first"))

    def __attrs_post_init__(self) -> None:
        if self.kind == "unigram" and self.min_count > 1:
            raise ValueError("vocabulary: min_count has no effect on unigram; leave it out")


@frozen
class Lora:
    """Low-rank adaptation (Hu et al., arXiv:2106.09685)."""

    targets: tuple[str, ...] = field(
        validator=min_len(1), metadata=_help('linear layers to adapt, by name: ["q", "v"]')
    )
    rank: int = field(default=16, validator=ge(1), metadata=_help("rank of the update"))
    alpha: int = field(
        default=32, validator=ge(1), metadata=_help("the update is scaled by alpha / rank")
    )
    dropout: float = field(
        default=0.1, validator=RATE, metadata=_help("on what goes into the update")
    )


@frozen
class Generation:
    """How translations are searched for. What is left out is as the checkpoint says."""

    num_beams: int = field(default=5, validator=_COUNT, metadata=_help("beams; 1 is greedy"))
    max_new_tokens: int = field(
        default=100, validator=_COUNT, metadata=_help("longest translation, in tokens")
    )
    length_penalty: float | None = field(
        default=None, metadata=_help("exponent of the length that divides a beam's score")
    )
    early_stopping: bool | None = field(
        default=None, metadata=_help("stop once as many beams as asked for have ended")
    )
    no_repeat_ngram_size: int | None = field(
        default=None, validator=optional(_COUNT), metadata=_help("n-grams occur once only")
    )
    repetition_penalty: float | None = field(
        default=None,
        validator=optional(gt(0)),
        metadata=_help("above 1: tokens that were said already get less likely"),
    )
    mbr: float | None = field(
        default=None,
        validator=optional(ge(0)),
        metadata=_help(
            "minimum Bayes risk: of the beams, say the one nearest to all of them by chrF, each "
            "weighted by its probability to this power (0.5 is a good one)"
        ),
    )


def check_source(model: str | None, scratch: object | None, generation: Generation) -> None:
    """Whether there is one model, and nothing is asked of its search in vain.

    Raises:
        ValueError: there are two or none, or a setting has no effect.
    """
    if (model is None) == (scratch is None):
        both = "both are written" if model is not None else "neither is written"
        raise ValueError(f"either `model` or `scratch` is expected; {both}")
    for key in ("length_penalty", "early_stopping", "mbr"):
        if getattr(generation, key) is not None and generation.num_beams == 1:
            raise ValueError(f"generation: {key} has no effect with num_beams = 1")
