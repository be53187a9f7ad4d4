"""Where an encoder-decoder looks in a clip while it says a text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from slp_core.batch import Tokens
from slp_core.sequence import Sequence
from slp_llm.decoders.seq2seq.model import Seq2Seq


@frozen(eq=False)
class Attention:
    """Of one sample: its ``pieces`` and, for each, how much is attended to every visual step,
    ``l t``. What is missing to 1 goes to the prompts, the tags and the end."""

    pieces: list[str]
    weights: Tensor


@torch.no_grad()
def cross_attention(
    decoder: Seq2Seq, inputs: Sequence, tokens: dict[str, Tokens]
) -> list[Attention]:
    """The mean over layers and heads of what the decoder attends to in the encoder's steps, while
    it is told the labels piece by piece: at each piece of the text, and at its end.

    ``b t d``. Every step of the encoder knows of the others; a step here is where it stands. None
    of a model that does not give its attention away. The decoder is in evaluation mode.
    """
    merged, mask = decoder.merge(inputs, tokens)
    labels = tokens["labels"]
    with _attending(decoder.model):
        layers = decoder.model(
            inputs_embeds=merged,
            attention_mask=mask,
            decoder_input_ids=decoder._shift_right(labels.ids, labels.mask),
            output_attentions=True,
            use_cache=False,
        ).cross_attentions
    if not layers or layers[0] is None:
        return []
    mean = torch.stack([one.float().mean(1) for one in layers]).mean(0)  # (b, l, p + t + q + e)
    before = decoder._prompts_in(tokens, "encoder_prompt", len(mask)).mask.sum(1).tolist()
    said, found = decoder._text_mask(tokens), []
    for number, (start, steps) in enumerate(zip(before, inputs.lengths.tolist(), strict=True)):
        ids = labels.ids[number, said[number]]
        weights = mean[number, said[number], start : start + steps]  # (l, t)
        pieces = decoder.tokenizer.batch_decode(ids[:, None], clean_up_tokenization_spaces=False)
        found.append(Attention([one.strip() for one in pieces], weights))
    return found


@contextmanager
def _attending(model: Any) -> Iterator[None]:
    """Inside, attention is computed so that it can be seen; afterwards as it was."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
