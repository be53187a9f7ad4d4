"""The special ids around what the model reads and writes, as its family has them.

=================  =========================  ===========================================
family             the encoder reads          the decoder is given | learns
=================  =========================  ===========================================
M2M-100, NLLB      ``[tag] steps </s>``       ``</s> [tag]`` | ``text </s>``
mBART-50           ``[tag] steps </s>``       ``</s> [tag]`` | ``text </s>``
mBART (cc25)       ``steps </s> [tag]``       ``[tag]`` | ``text </s>``
T5, mT5, Marian    ``steps </s>``             ``<pad>`` | ``text </s>``
BART               ``steps </s>``             ``</s> <s>`` | ``text </s>``
=================  =========================  ===========================================
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from slp_core.errors import UserError, did_you_mean
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig


@frozen
class Frame:
    """Ids that go before and after the encoder's steps, the decoder's first input, and the ids
    every translation starts with."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    start: int
    prefix: tuple[int, ...]


def frame(config: Seq2SeqConfig, model: Any, tokenizer: Any, where: str) -> Frame:
    """The frame of a model.

    Raises:
        UserError: a language tag is unknown, or the model has no token to start or end with.
    """
    source = _tag(tokenizer, config.source_language, f"{where}.source_language")
    target = _tag(tokenizer, config.target_language, f"{where}.target_language")
    defaults = model.generation_config
    start, end = defaults.decoder_start_token_id, tokenizer.eos_token_id
    if end is None:
        raise UserError(f"{where}.model: its tokenizer has no token that ends a sentence")
    if len(getattr(tokenizer, "suffix_tokens", ())) > 1:  # tags stand behind (mBART cc25)
        parts = Frame((), (end, *source), target[0] if target else start, ())
    else:
        forced = defaults.forced_bos_token_id
        prefix = target or (() if forced is None else (forced,))
        parts = Frame(source, (end,), start, prefix)
    if parts.start is None:
        raise UserError(
            f"{where}.model: its configuration names no token that a translation starts with; "
            "write target_language"
        )
    return parts


def _tag(tokenizer: Any, language: str | None, where: str) -> tuple[int, ...]:
    if language is None:
        return ()
    tags = language_tags(tokenizer)
    if not tags:
        raise UserError(
            f'{where}: "{language}" was written, but this model has no language tags; '
            "use a prompt, with its tag in new_tokens if need be"
        )
    if language not in tags:
        raise UserError(f'{where}: "{language}" is no language tag{did_you_mean(language, tags)}')
    return (tags[language],)


def language_tags(tokenizer: Any) -> dict[str, int]:
    """The language tags a multilingual tokenizer has, with their ids; empty for others."""
    if not hasattr(tokenizer, "src_lang"):
        return {}
    if hasattr(tokenizer, "lang_code_to_id"):
        return dict(tokenizer.lang_code_to_id)
    tags = [str(token) for token in tokenizer.extra_special_tokens]
    return {tag: tokenizer.convert_tokens_to_ids(tag) for tag in tags}
