"""The text as the language model embeds it, for objectives that align signs with it."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig


@pytest.mark.parametrize("family", ["t5", "m2m100", "mbart50", "mbart25"])
def test_text_embeddings_are_the_tables_rows(checkpoint, family, tokens_of):
    target = {"m2m100": "de", "mbart50": "de_DE", "mbart25": "de_DE"}.get(family)
    config = Seq2SeqConfig(
        model=checkpoint(family), target_language=target, decoder_prompt="am tag"
    )
    decoder = Seq2Seq(config).eval()
    texts = ["heute nacht .", "der wind weht schwach bis mäßig"]
    fields = [{"text": texts[0]}, {"text": texts[1], "decoder_prompt": "der wind weht"}]
    found = decoder.text_embeddings(tokens_of(decoder, *fields))
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint(family))
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    scale = 1.0 if family == "t5" else 4.0  # the root of the width
    for number, text in enumerate(texts):
        ids = [
            *tokenizer(text, add_special_tokens=False).input_ids,
            tokenizer.eos_token_id,
        ]
        expected = model.get_input_embeddings().weight[ids]
        # M2M-100 and mBART scale inside their embedding, which the table does not show.
        torch.testing.assert_close(
            found.values[number, found.mask[number]], expected * scale, rtol=1e-6, atol=1e-6
        )
        assert torch.equal(found.mask[number], torch.arange(found.mask.shape[1]) < len(ids))
    assert found.rate.isnan().all()


def test_text_embeddings_follow_embed_scale_and_leave_the_recipes_prompt_out(scratch, tokens_of):
    scaled, plain = (
        scratch(decoder_prompt="und nun"),
        scratch(decoder_prompt="und nun", embed_scale="none"),
    )
    tokens = tokens_of(scaled, {"text": "morgen ."}, {"text": "im süden regnet es"})
    ours, unscaled = scaled.text_embeddings(tokens), plain.text_embeddings(tokens)
    torch.testing.assert_close(ours.values, unscaled.values * 4)
    assert ours.lengths.tolist() == [3, 5]
    alone = scaled.text_embeddings({"labels": tokens["labels"]})
    assert torch.equal(alone.values, ours.values)
    assert torch.equal(alone.mask, ours.mask)


def test_text_embeddings_train_the_embeddings_and_nothing_else(scratch, tokens_of):
    decoder = scratch()
    tokens = tokens_of(decoder, {"text": "am tag"}, {"text": "heute"})
    decoder.text_embeddings(tokens).steps.square().sum().backward()
    trained = [p for p in decoder.parameters() if p.grad is not None]
    assert [id(p) for p in trained] == [id(p) for p in decoder.subparts()["embeddings"]]
    ids = {*tokens["labels"].ids[tokens["labels"].mask].tolist()}
    assert {*trained[0].grad.abs().sum(1).nonzero().squeeze(1).tolist()} == ids
    for parameter in decoder.subparts()["embeddings"]:
        parameter.requires_grad_(False)
    assert not decoder.text_embeddings(tokens).values.requires_grad
