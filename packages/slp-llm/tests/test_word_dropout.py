"""In training, the decoder reads some of the text that it is told as unknown tokens."""

from __future__ import annotations

import pytest
import torch

from slp_core.context import Context
from slp_core.errors import UserError
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

TEXTS = ["heute nacht regnet es im süden .", "morgen", "am tag scheint die sonne ."]


@pytest.fixture
def heard(monkeypatch):
    """The ids that a decoder's model is given in a forward pass, and the labels."""

    def hear(decoder, sequence, tokens):
        given = []
        hook = decoder.model.get_decoder().register_forward_pre_hook(
            lambda _, args, named: given.append(named["input_ids"]), with_kwargs=True
        )
        decoder(sequence(*[3] * len(TEXTS)), tokens)
        hook.remove()
        return given[0], tokens["labels"]

    return hear


def told(decoder, tokens_of):
    return tokens_of(decoder, *({"text": text} for text in TEXTS))


def test_only_words_of_the_text_are_dropped(scratch, sequence, tokens_of, heard):
    decoder = scratch(decoder_prompt="und nun", word_dropout=0.9)
    tokens = told(decoder, tokens_of)
    whole, labels = heard(decoder.eval(), sequence, tokens)
    unknown = decoder.tokenizer.unk_token_id
    begin = 1 + 2  # the start and the prompt's two words
    dropped = 0
    for _ in range(20):
        given, after = heard(decoder.train(), sequence, tokens)
        assert torch.equal(after.ids, labels.ids), "what is learnt stays as it is"
        assert torch.equal(given[:, :begin], whole[:, :begin])
        changed = given != whole
        assert (given[changed] == unknown).all()
        dropped += int(changed[labels.mask].sum())
    words = int(labels.mask.sum()) - begin * len(TEXTS)
    assert unknown not in whole and dropped / (20 * words) == pytest.approx(0.9, abs=0.06)


def test_it_is_drawn_from_the_seed_and_left_out_where_it_is_zero(
    scratch, sequence, tokens_of, heard
):
    decoder = scratch(word_dropout=0.5).train()
    tokens = told(decoder, tokens_of)
    drawn = [heard(decoder, sequence, tokens)[0] for seed in (0, 0, 1) if torch.manual_seed(seed)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    usual = scratch().train()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with torch.no_grad():
        heard(usual.eval(), sequence, told(usual, tokens_of))
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn"


def test_a_language_tag_is_never_dropped(checkpoint, sequence, tokens_of, heard):
    options = {"target_language": "de", "word_dropout": 0.999}
    decoder = Seq2Seq(Seq2SeqConfig(model=checkpoint("m2m100"), **options)).train()
    given, labels = heard(decoder, sequence, told(decoder, tokens_of))
    assert torch.equal(given[:, 1], labels.ids[:, 0])  # the tag
    rest = labels.mask.clone()
    rest[:, :2] = False
    assert (given[rest] == decoder.tokenizer.unk_token_id).all()


def test_a_tokenizer_without_an_unknown_token_is_refused(checkpoint, monkeypatch):
    config = Seq2SeqConfig(model=checkpoint("bart"), word_dropout=0.1)
    tokenizer = type(Seq2Seq(config).tokenizer)
    monkeypatch.setattr(tokenizer, "unk_token_id", None, raising=False)
    with pytest.raises(UserError, match="word_dropout: the model's tokenizer has no unknown token"):
        Seq2Seq(config, Context(path="decoder"))
