"""A new causal language model."""

from __future__ import annotations

from typing import Any

from slp_llm.decoders.causal_lm.spec import CausalScratch


def configuration(config: CausalScratch, tokenizer: Any) -> Any:
    """A LLaMA of the configured size."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.dim,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        intermediate_size=config.ffn,
        attention_dropout=config.attention_dropout,
        initializer_range=config.init_std,
        max_position_embeddings=2**20,  # rotary positions are computed, not kept in a table
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
