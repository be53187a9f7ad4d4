"""Signs and text through the language model's encoder, for objectives that compare the two."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.testing import assert_padding_changes_nothing
from slp_llm.decoders.config import Lora
from slp_llm.decoders.lora import without_lora
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

TEXTS = ["heute nacht .", "der wind weht schwach bis mäßig"]
TAGS = {"m2m100": "de", "mbart50": "de_DE", "mbart25": "de_DE", "nllb": "deu_Latn"}
TARGETS = {"t5": ("q", "v")}


def adapted(checkpoint: Any, family: str) -> Seq2Seq:
    """A checkpoint whose low-rank update changes something."""
    torch.manual_seed(0)
    lora = Lora(targets=TARGETS.get(family, ("q_proj", "k_proj", "v_proj", "out_proj")))
    tag = TAGS.get(family)
    config = Seq2SeqConfig(
        model=checkpoint(family), source_language=tag, target_language=tag, lora=lora,
        decoder_prompt="am tag",
    )  # fmt: skip
    decoder = Seq2Seq(config).eval()
    for weight in decoder.subparts()["lora"]:
        torch.nn.init.normal_(weight, std=0.3)
    return decoder


@pytest.mark.parametrize("family", ["t5", "m2m100", "mbart50", "mbart25"])
def test_text_is_what_the_checkpoint_makes_of_it(
    checkpoint: Any, tokens_of: Any, sequence: Any, family: str
) -> None:
    decoder = adapted(checkpoint, family)
    tokens = tokens_of(decoder, *({"text": text} for text in TEXTS))
    _, found = decoder.encoded(sequence(4, 2), tokens)
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint(family)).get_encoder().eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    if family in TAGS:
        tokenizer.src_lang = TAGS[family]
    for number, text in enumerate(TEXTS):
        ids = tokenizer(text, return_tensors="pt").input_ids
        expected = model(input_ids=ids)[0][0]
        ours = found.values[number, found.mask[number]]
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    assert found.lengths.tolist() == [len(tokenizer(text).input_ids) for text in TEXTS]
    assert found.rate.isnan().all()


def test_signs_are_what_the_adapted_encoder_makes_of_them(
    checkpoint: Any, tokens_of: Any, sequence: Any
) -> None:
    decoder = adapted(checkpoint, "mbart50")
    tokens, inputs = tokens_of(decoder, *({"text": text} for text in TEXTS)), sequence(4, 2)
    signs, _ = decoder.encoded(inputs, tokens)
    merged, mask = decoder.merge(inputs, tokens)
    expected = decoder.model.get_encoder()(inputs_embeds=merged, attention_mask=mask)[0]
    torch.testing.assert_close(signs.steps, expected[mask])
    with without_lora(decoder.model):
        plain = decoder.model.get_encoder()(inputs_embeds=merged, attention_mask=mask)[0]
    assert (plain - expected)[mask].abs().max() > 1e-3


def test_padding_changes_nothing(checkpoint: Any, tokens_of: Any, sequence: Any) -> None:
    decoder = adapted(checkpoint, "mbart50")
    alone = decoder.encoded(sequence(4), tokens_of(decoder, {"text": TEXTS[0]}))
    beside = decoder.encoded(
        sequence(4, 9), tokens_of(decoder, {"text": TEXTS[0]}, {"text": TEXTS[1]})
    )
    for ours, theirs in zip(alone, beside, strict=True):
        torch.testing.assert_close(
            ours.steps, theirs.values[0, theirs.mask[0]], rtol=1e-4, atol=1e-5
        )
    steps = [sequence(length).values[0] for length in (5, 2, 9)]

    def signs(some: Sequence) -> Sequence:
        return decoder.encoded(some, tokens_of(decoder, *[{"text": TEXTS[0]}] * len(some.rate)))[0]

    assert_padding_changes_nothing(signs, steps, tolerance=1e-4)


@pytest.mark.parametrize("trained", [False, True])
def test_what_is_trained_stays_so(
    checkpoint: Any, tokens_of: Any, sequence: Any, trained: bool
) -> None:
    decoder = adapted(checkpoint, "mbart50").requires_grad_(False)
    update = list(decoder.subparts()["lora"])
    for weight in update:
        weight.requires_grad_(trained)
    before = [weight.requires_grad for weight in decoder.parameters()]
    tokens = tokens_of(decoder, *({"text": text} for text in TEXTS))
    signs, text = decoder.encoded(sequence(4, 2), tokens)
    assert [weight.requires_grad for weight in decoder.parameters()] == before
    assert signs.values.requires_grad == trained and not text.values.requires_grad
    if trained:
        signs.steps.square().sum().backward()
        reached = {name for name, weight in decoder.named_parameters() if weight.grad is not None}
        assert reached and all(".encoder." in name and ".lora_" in name for name in reached)


def test_a_causal_model_has_no_encoder(causal: Any, sequence: Any) -> None:
    with pytest.raises(UserError, match="has no encoder of text"):
        causal().encoded(sequence(3), {})
