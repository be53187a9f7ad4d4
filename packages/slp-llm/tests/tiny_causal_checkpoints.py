"""Tiny random checkpoints of the families of causal language models, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tiny_checkpoints import TEXT, WIDTH
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

POSITIONS = 96
SMALL: dict[str, Any] = {
    "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 24, "initializer_range": 0.3,
    "max_position_embeddings": POSITIONS,
}  # fmt: skip


def _bytes(special: list[str], **named: str) -> PreTrainedTokenizerFast:
    """GPT-2's way: pairs of bytes, a blank is part of the word behind it."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=290, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, **named)


def _sentencepiece(bos: str, eos: str) -> PreTrainedTokenizerFast:
    """LLaMA's way: a blank is put before the first word, `<s>` before the text, and what no token
    is made of is said in bytes."""
    letters = sorted({letter for text in TEXT for letter in text.replace(" ", "▁")} | {"▁"})
    pieces = ["<unk>", bos, eos, *(f"<0x{n:02X}>" for n in range(256)), *letters, "▁d", "▁s"]
    vocab = {piece: n for n, piece in enumerate(pieces)}
    merges = [("▁", "d"), ("▁", "s")]
    made = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    made.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, vocab[bos])]
    )
    made.add_special_tokens([AddedToken(one, special=True) for one in ("<unk>", bos, eos)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=bos, eos_token=eos, unk_token="<unk>"
    )


def llama(folder: Path, **sizes: float) -> None:
    tokenizer = _sentencepiece("<s>", "</s>")
    options = {**SMALL, "bos_token_id": 1, "eos_token_id": 2, **sizes}
    _save(folder, tokenizer, LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **options)))


def gpt2(folder: Path) -> None:
    end = "<|endoftext|>"
    tokenizer = _bytes([end], bos_token=end, eos_token=end, unk_token=end)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=POSITIONS, n_embd=WIDTH, n_layer=2, n_head=2,
        initializer_range=0.3, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    _save(folder, tokenizer, GPT2LMHeadModel(config))


def qwen2(folder: Path) -> None:
    tokenizer = _bytes(
        ["<|endoftext|>", "<|im_end|>"], pad_token="<|endoftext|>", eos_token="<|im_end|>"
    )
    ids = {"bos_token_id": None, "eos_token_id": 1, "tie_word_embeddings": True}
    _save(
        folder, tokenizer, Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **SMALL, **ids))
    )


def bloom(folder: Path) -> None:
    tokenizer = _bytes(
        ["<unk>", "<s>", "</s>", "<pad>"], bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    config = BloomConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, n_layer=2, n_head=2, initializer_range=0.3,
        bos_token_id=1, eos_token_id=2, pad_token_id=3,
    )  # fmt: skip
    _save(folder, tokenizer, BloomForCausalLM(config))


def gemma2(folder: Path) -> None:
    _gemma(folder, Gemma2Config, Gemma2ForCausalLM)


def gemma3(folder: Path) -> None:
    _gemma(folder, Gemma3TextConfig, Gemma3ForCausalLM)


def _gemma(folder: Path, config: Any, model: Any) -> None:
    tokenizer = _sentencepiece("<bos>", "<eos>")
    made = config(
        vocab_size=len(tokenizer), head_dim=8, sliding_window=POSITIONS, bos_token_id=1,
        eos_token_id=2, pad_token_id=0, **SMALL,
    )  # fmt: skip
    _save(folder, tokenizer, model(made))


FAMILIES: dict[str, Callable[[Path], None]] = {
    "llama": llama, "gpt2": gpt2, "qwen2": qwen2, "bloom": bloom, "gemma2": gemma2,
    "gemma3": gemma3,
}  # fmt: skip


def _save(folder: Path, tokenizer: Any, model: Any) -> None:
    """Biases and norms are random too, as they are in a trained model."""
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.2)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def make(family: str, folder: Path) -> Path:
    """A checkpoint folder of the family, the same at each call."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    FAMILIES[family](folder)
    return folder
