"""What a recipe may write about a causal language model."""

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
class CausalScratch:
    """A small LLaMA (Touvron et al., arXiv:2302.13971): rotary positions, RMS norms, a gated
    feed-forward, and one tied embedding."""

    dim: int = field(default=256, validator=ge(4), metadata=_help("width of the model"))
    layers: int = field(default=3, validator=ge(1), metadata=_help("layers"))
    heads: int = field(default=4, validator=ge(1), metadata=_help("attention heads"))
    ffn: int = field(default=1024, validator=ge(1), metadata=_help("width of the feed-forward"))
    attention_dropout: float = field(
        default=0.0, validator=RATE, metadata=_help("on attention weights")
    )
    init_std: float = field(
        default=0.02, validator=gt(0), metadata=_help("standard deviation of initial weights")
    )
    vocabulary: Vocabulary = field(factory=Vocabulary, metadata=_help("the tokenizer"))

    def __attrs_post_init__(self) -> None:
        if self.dim % (2 * self.heads):
            raise ValueError(
                f"scratch: dim = {self.dim} does not divide by twice heads = {self.heads}, as "
                "rotary positions need"
            )


@frozen
class CausalLmConfig:
    """Either ``model`` (a checkpoint) or ``scratch`` (a new model of configured size).

    What of it is trained a stage says: a decoder that no stage's ``train`` names is frozen."""

    model: str | None = field(
        default=None, metadata=_help('name on the hub ("Qwen/Qwen2.5-0.5B") or local folder')
    )
    scratch: CausalScratch | None = field(
        default=None, metadata=_help("a new model and tokenizer; nothing is downloaded")
    )
    dtype: Literal["float32", "bfloat16"] = field(
        default="float32",
        validator=in_(["float32", "bfloat16"]),
        metadata=_help("of the weights (quantize: of those that are not quantised)"),
    )
    quantize: Literal["4bit", "8bit"] | None = field(
        default=None,
        validator=optional(in_(["4bit", "8bit"])),
        metadata=_help(
            "load the model's linear layers in 4 bits (NF4) or 8 (LLM.int8) with bitsandbytes; "
            "they are never trained nor saved: an opened pipeline takes them from `model` again"
        ),
    )
    prompt: str = field(
        default="{signs}",
        validator=is_prompt,
        metadata=_help(
            "text around {signs}, the place of the visual steps; {examples} are training rows"
        ),
    )
    examples: ExamplesConfig | None = field(
        default=None, metadata=_help("the training rows that the prompt shows")
    )
    new_tokens: tuple[str, ...] = field(
        default=(), metadata=_help('tokens to add to the vocabulary, as ["__dgs__"]')
    )
    lora: Lora | None = field(
        default=None,
        metadata=_help("a low-rank update; trained where a stage names `decoder.lora`"),
    )
    generation: Generation = field(factory=Generation, metadata=_help("beams, lengths, penalties"))

    def __attrs_post_init__(self) -> None:
        check_source(self.model, self.scratch, self.generation)
        check_examples(self.prompt, self.examples)
        if self.quantize is not None and self.model is None:
            raise ValueError("quantize: only a checkpoint can be loaded in fewer bits")


def signature(config: CausalLmConfig, inputs: TensorType) -> TensorType:
    """``b t d`` to text; ``d`` is the model's width."""
    width = Symbol("d") if config.scratch is None else Size(config.scratch.dim, "scratch.dim")
    inputs.expect("b t d", dtype="float32", d=width)
    return TEXT


SPEC = ComponentSpec(
    kind="decoder",
    config=CausalLmConfig,
    signature=signature,
    factory="slp_llm.decoders.causal_lm.model:CausalLm",
    summary="Causal language model (LLaMA, Qwen, Gemma, GPT-2, ...), signs in its prompt",
    paper="arXiv:2404.00925",
    example={"model": "Qwen/Qwen2.5-0.5B"},
    trial="slp_llm.trials:causal_lm",
)
