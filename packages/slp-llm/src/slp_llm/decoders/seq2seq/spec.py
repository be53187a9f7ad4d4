"""What a recipe may write about an encoder-decoder language model."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, gt, in_, optional

from slp_core.spec import ComponentSpec
from slp_core.tensortype import TEXT, Size, Symbol, TensorType
from slp_llm.decoders.config import RATE, Generation, Lora, Vocabulary, check_source
from slp_llm.decoders.prompts import ExamplesConfig, check_examples, is_prompt


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@frozen
class Scratch:
    """A small pre-norm Transformer with sinusoidal positions and one tied embedding."""

    dim: int = field(default=256, validator=ge(4), metadata=_help("width of the model"))
    layers: int = field(default=3, validator=ge(1), metadata=_help("layers of the encoder"))
    decoder_layers: int | None = field(
        default=None,
        validator=optional(ge(1)),
        metadata=_help("layers of the decoder; as many as `layers` if left out"),
    )
    heads: int = field(default=4, validator=ge(1), metadata=_help("attention heads"))
    ffn: int = field(default=1024, validator=ge(1), metadata=_help("width of the feed-forward"))
    dropout: float = field(
        default=0.1, validator=RATE, metadata=_help("on embeddings and after each sublayer")
    )
    attention_dropout: float = field(
        default=0.0, validator=RATE, metadata=_help("on attention weights")
    )
    activation_dropout: float = field(
        default=0.0, validator=RATE, metadata=_help("inside the feed-forward")
    )
    activation: Literal["relu", "gelu", "silu"] = field(
        default="relu", metadata=_help("non-linearity of the feed-forward")
    )
    scale_embedding: bool = field(
        default=True, metadata=_help("multiply token embeddings by the root of the width")
    )
    init_std: float = field(
        default=0.02, validator=gt(0), metadata=_help("standard deviation of initial weights")
    )
    vocabulary: Vocabulary = field(factory=Vocabulary, metadata=_help("the tokenizer"))

    def __attrs_post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"scratch: dim = {self.dim} does not divide by heads = {self.heads}")


@frozen
class Seq2SeqConfig:
    """Either ``model`` (a checkpoint) or ``scratch`` (a new model of configured size)."""

    model: str | None = field(
        default=None, metadata=_help('name on the hub ("facebook/m2m100_418M") or local folder')
    )
    scratch: Scratch | None = field(
        default=None, metadata=_help("a new model and tokenizer; nothing is downloaded")
    )
    dtype: Literal["float32", "bfloat16"] = field(
        default="float32",
        validator=in_(["float32", "bfloat16"]),
        metadata=_help("of the weights"),
    )
    source_language: str | None = field(
        default=None, metadata=_help("language tag the encoder reads first, as the model names it")
    )
    target_language: str | None = field(
        default=None, metadata=_help("language tag translations start with")
    )
    encoder_prompt: str = field(
        default="",
        validator=is_prompt,
        metadata=_help(
            "text before the visual steps, or around {signs}; {examples} are training rows; a "
            "column `encoder_prompt` goes first, as it is written"
        ),
    )
    examples: ExamplesConfig | None = field(
        default=None, metadata=_help("the training rows that the encoder's prompt shows")
    )
    decoder_prompt: str = field(
        default="",
        metadata=_help("text translations start with; a column `decoder_prompt` goes first"),
    )
    word_dropout: float = field(
        default=0.0,
        validator=RATE,
        metadata=_help("share of the text that the decoder, in training, reads as unknown tokens"),
    )
    new_tokens: tuple[str, ...] = field(
        default=(), metadata=_help('tokens to add to the vocabulary, as ["__dgs__"]')
    )
    embed_scale: Literal["model", "none"] = field(
        default="model",
        metadata=_help("prompts are embedded as the model embeds its tokens, or unscaled"),
    )
    scale_inputs: bool = field(
        default=False,
        metadata=_help("scale the visual steps as the model scales its tokens (GFSLT)"),
    )
    lora: Lora | None = field(default=None, metadata=_help("train a low-rank update"))
    generation: Generation = field(factory=Generation, metadata=_help("beams, lengths, penalties"))

    def __attrs_post_init__(self) -> None:
        check_source(self.model, self.scratch, self.generation)
        check_examples(self.encoder_prompt, self.examples)


def signature(config: Seq2SeqConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to text; ``d`` is the model's width."""
    width = Symbol("d") if config.scratch is None else Size(config.scratch.dim, "scratch.dim")
    inputs.expect("b t d", dtype="float32", d=width)
    return TEXT


SPEC = ComponentSpec(
    kind="decoder",
    config=Seq2SeqConfig,
    signature=signature,
    factory="slp_llm.decoders.seq2seq.model:Seq2Seq",
    summary="Encoder-decoder language model (M2M-100, NLLB, mBART, T5, mT5, ...) or from scratch",
    paper="arXiv:2010.11125",
    example={"model": "facebook/m2m100_418M"},
    trial="slp_llm.trials:seq2seq",
)
