"""The ``text`` processor: a field of the manifest as token ids."""

from __future__ import annotations

from typing import Literal

from attrs import evolve, field, frozen
from attrs.validators import and_, ge, lt

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Symbol, TensorType

_RATE = and_(ge(0.0), lt(1.0))


@frozen
class TextConfig:
    vocabulary: Literal["word", "bpe", "char"] = field(
        default="word",
        metadata={"help": "units learnt from the training rows: what stands between spaces, "
                          "byte-pair pieces, or characters"},
    )  # fmt: skip
    size: int = field(
        default=8000,
        validator=ge(3),
        metadata={"help": "most units of the vocabulary, padding and unknown among them"},
    )
    lower: bool = field(default=False, metadata={"help": "lower-case the text first"})
    min_count: int = field(default=1, validator=ge(1), metadata={"help": "rarer units are unknown"})
    tokenizer: str | None = field(
        default=None,
        metadata={"help": "hub name or folder of a Hugging Face tokenizer, instead of learning"},
    )
    drop: float = field(
        default=0.0,
        validator=_RATE,
        metadata={"help": "share of units made unknown in training"},
    )
    substitute: float = field(
        default=0.0,
        validator=_RATE,
        metadata={"help": "share of units that become another of the vocabulary in training"},
    )
    insert: float = field(
        default=0.0,
        validator=_RATE,
        metadata={"help": "share of units that get another one before or behind them in training"},
    )

    def __attrs_post_init__(self) -> None:
        if self.drop + self.substitute > 1:
            raise ValueError("drop and substitute are more than 1 together")
        if self.tokenizer is None:
            return
        if evolve(self, tokenizer=None, drop=0.0, substitute=0.0, insert=0.0) != TextConfig():
            raise ValueError(
                "`tokenizer` brings its vocabulary with it; "
                "leave out vocabulary, size, lower and min_count"
            )


def signature(config: TextConfig, signal: str) -> TensorType:
    sizes = {"vocabulary": Symbol("vocabulary")}
    return TensorType("b t", sizes, dtype="int64", rate=None, modality="text")


SPEC = ComponentSpec(
    kind="processor",
    config=TextConfig,
    signature=signature,
    factory="slp_encoders.processors.text.reader:TextReader",
    summary="text as ids of words, pieces or characters",
)
