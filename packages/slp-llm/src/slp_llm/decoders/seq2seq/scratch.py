"""A new encoder-decoder."""

from __future__ import annotations

from typing import Any

from slp_llm.decoders.seq2seq.spec import Scratch


def configuration(config: Scratch, tokenizer: Any) -> Any:
    """A pre-norm Transformer (M2M-100's layers) of the configured size."""
    from transformers import M2M100Config

    return M2M100Config(
        vocab_size=len(tokenizer),
        d_model=config.dim,
        encoder_layers=config.layers,
        decoder_layers=config.decoder_layers or config.layers,
        encoder_attention_heads=config.heads,
        decoder_attention_heads=config.heads,
        encoder_ffn_dim=config.ffn,
        decoder_ffn_dim=config.ffn,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        activation_dropout=config.activation_dropout,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        activation_function=config.activation,
        scale_embedding=config.scale_embedding,
        init_std=config.init_std,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
