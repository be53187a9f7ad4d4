"""What a causal language model reads and scores, against the family's own model."""

from __future__ import annotations

import logging
import shutil

import pytest
import tiny_causal_checkpoints
import tiny_checkpoints
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from slp_core.batch import Batch
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.causal_lm.spec import CausalLmConfig
from slp_llm.objectives.cross_entropy.model import CrossEntropy
from slp_llm.objectives.cross_entropy.spec import CrossEntropyConfig

ALL = list(tiny_causal_checkpoints.FAMILIES)
BEFORE, BEHIND, TEXT = "translate the signs", "into german:", "im süden regnet es heute nacht ."
PROMPT = f"{BEFORE} {{signs}} {BEHIND}"
BEGINS = {"llama": "<s>", "gemma2": "<bos>", "gemma3": "<bos>"}  # before every text

DRAWN = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4)
TEXTS = ("der wind weht", "sonne .", "morgen", "am tag scheint die sonne .")


def rows(number):
    return [{"text": TEXTS[n % 4]} for n in range(number)]


def by_hand(checkpoint, family, steps, text):
    """The family's own logits of the text and its end, one sample, nothing padded; and their ids.

    The words are ids where no steps are given, vectors otherwise."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    model = AutoModelForCausalLM.from_pretrained(checkpoint(family)).eval()

    def ids(some):
        return tokenizer(some, add_special_tokens=False).input_ids

    first = [tokenizer.convert_tokens_to_ids(BEGINS[family])] if family in BEGINS else []
    before, behind = [*first, *ids(BEFORE)], ids(BEHIND)
    labels = [*ids(text), tokenizer.eos_token_id]
    with torch.no_grad():
        if steps is None:
            logits = model(input_ids=torch.tensor([[*before, *behind, *labels]])).logits[0]
        else:
            table = model.get_input_embeddings()
            words = [table(torch.tensor(some)) for some in (before, [*behind, *labels])]
            logits = model(inputs_embeds=torch.cat([words[0], steps, words[1]])[None]).logits[0]
    return logits[-len(labels) - 1 : -1], labels


@pytest.mark.parametrize("family", ALL)
def test_prompt_ids_and_prompt_vectors_give_the_same_logits(causal, checkpoint, family, tokens_of):
    # Gemma scales its embeddings, inside the table or behind it; BLOOM norms them.
    decoder = causal(family, prompt=PROMPT)
    none = Sequence(torch.zeros(1, 0, 16), torch.zeros(1, 0, dtype=torch.bool), torch.ones(1))
    tokens = tokens_of(decoder, {"text": TEXT})
    logits, labels = by_hand(checkpoint, family, None, TEXT)
    assert tokens["labels"].ids.tolist() == [labels]
    torch.testing.assert_close(decoder(none, tokens)[0], logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ALL)
def test_logits_are_those_of_each_sample_alone(causal, checkpoint, family, sequence, tokens_of):
    lengths = (4, 9, 1)
    decoder = causal(family, prompt=PROMPT)
    tokens = tokens_of(decoder, *[{"text": text} for text in (TEXT, *TEXTS[:2])])
    found = decoder(sequence(*lengths, extra=2), tokens)
    assert found.shape == (*tokens["labels"].ids.shape, decoder.model.config.vocab_size)
    for number, (length, text) in enumerate(zip(lengths, (TEXT, *TEXTS[:2]), strict=True)):
        expected, _ = by_hand(checkpoint, family, sequence(length).values[0], text)
        torch.testing.assert_close(found[number, : len(expected)], expected, rtol=1e-4, atol=1e-4)


@DRAWN
@given(lengths=LENGTHS, extra=st.integers(0, 3))
def test_each_sample_is_prompt_steps_prompt_padded_on_the_left(
    causal, sequence, tokens_of, lengths, extra
):
    decoder = causal("llama", prompt=PROMPT)
    inputs = sequence(*lengths, extra=extra)
    merged, mask = decoder.merge(inputs, tokens_of(decoder, *rows(len(lengths))))
    before, behind = (
        decoder.embed(torch.tensor(decoder._own_prompts[key]))
        for key in ("prompt", "prompt_behind")
    )
    for number, length in enumerate(lengths):
        expected = torch.cat([before, inputs.values[number, :length], behind])
        places = torch.arange(mask.shape[1])
        assert torch.equal(mask[number], places >= mask.shape[1] - len(expected))
        assert torch.equal(merged[number, mask[number]], expected)
        assert not merged[number, ~mask[number]].any()


@pytest.mark.parametrize("family", ["scratch", "gpt2"])
@DRAWN
@given(lengths=LENGTHS, extra=st.integers(0, 3))
def test_a_batch_changes_nobodys_logits(causal, sequence, tokens_of, family, lengths, extra):
    decoder = causal(family)
    tokens = tokens_of(decoder, *rows(len(lengths)))
    inputs = sequence(*lengths, extra=extra)
    inputs.values[~inputs.mask] = torch.nan
    together = decoder(inputs, tokens)
    for number, (length, fields) in enumerate(zip(lengths, rows(len(lengths)), strict=True)):
        alone = decoder(sequence(length), tokens_of(decoder, fields))
        valid = tokens["labels"].mask[number]
        torch.testing.assert_close(together[number, valid], alone[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_gradients_pass_a_frozen_model_to_every_valid_step(
    causal, sequence, tokens_of, family, attention
):
    decoder = causal(family, prompt=PROMPT).train().requires_grad_(False)
    if family not in ("bloom", "gemma2"):  # which have one kind of attention
        decoder.model.set_attn_implementation(attention)
    inputs = sequence(3, 5, 2, extra=2)
    values = inputs.values.masked_fill(~inputs.mask[..., None], torch.nan).requires_grad_()
    tokens = tokens_of(decoder, *rows(3))
    logits = decoder(Sequence(values, inputs.mask, inputs.rate), tokens)
    logits[tokens["labels"].mask].square().sum().backward()
    assert torch.equal(values.grad.abs().sum(-1) > 0, inputs.mask)
    assert values.grad.isfinite().all()
    assert all(parameter.grad is None for parameter in decoder.parameters())


def test_gradient_checkpointing_changes_no_gradient(causal, sequence, tokens_of):
    decoder = causal("llama").train().requires_grad_(False)
    tokens, gradients = tokens_of(decoder, {"text": TEXT}), []
    for enable in (False, True):
        if enable:
            decoder.model.activation_checkpointing_enable()
        assert decoder.model.get_decoder().layers[0].gradient_checkpointing is enable
        inputs = sequence(4)
        values = inputs.values.clone().requires_grad_()
        decoder(inputs.with_values(values), tokens).logsumexp(-1).sum().backward()
        gradients.append(values.grad)
    torch.testing.assert_close(*gradients)


def test_each_piece_is_scored_by_those_before_it(causal, sequence, tokens_of):
    decoder = causal()
    tokens = tokens_of(decoder, {"text": "der wind weht"})
    before = decoder(sequence(3), tokens)
    tokens["labels"].ids[0, 1] = 5  # seen from position 2 on
    changed = (before != decoder(sequence(3), tokens)).any(-1)[0]
    assert changed.tolist() == [False, False, True, True]


@pytest.mark.parametrize("family", ["scratch", "llama"])
def test_the_loss_is_of_the_answer_only(causal, sequence, tokens_of, row, family):
    decoder = causal(family, prompt="{signs}" if family == "scratch" else PROMPT)
    inputs, tokens = sequence(4, 7, 2), tokens_of(decoder, *rows(3))
    batch = Batch((row(),) * 3, {}, {f"decoder.{name}": one for name, one in tokens.items()})
    objective = CrossEntropy(CrossEntropyConfig())
    pipeline = torch.nn.Module()
    pipeline.decoder = decoder
    trace = type("Trace", (), {"last": inputs})
    loss, expected, count = objective(pipeline, trace, batch), 0.0, 0
    for number, text in enumerate(TEXTS[:3]):
        ids = [*decoder._ids(text=text), decoder.tokenizer.eos_token_id]
        scores = decoder(inputs, tokens)[number, : len(ids)].detach().log_softmax(-1)
        expected -= sum(float(scores[place, one]) for place, one in enumerate(ids))
        count += len(ids)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert objective.count(batch) == count


def test_a_model_from_scratch_is_told_where_the_text_begins(causal, sequence, tokens_of):
    decoder = causal()
    tokens = tokens_of(decoder, {"text": "der wind"})
    assert tokens["prompt"].ids.shape == (1, 0)
    assert tokens["prompt_behind"].ids.tolist() == [[decoder.tokenizer.bos_token_id]]


@pytest.mark.parametrize("family", ["gpt2", "scratch"])
def test_text_embeddings_are_the_tables_rows(causal, tokens_of, family):
    decoder = causal(family)
    tokens = tokens_of(decoder, *rows(3))
    found, labels = decoder.text_embeddings(tokens), tokens["labels"]
    table = decoder.model.get_input_embeddings().weight
    assert torch.equal(found.mask, labels.mask)
    assert torch.equal(found.steps, F.embedding(labels.ids[labels.mask], table))
    assert not found.values[~found.mask].any()
    assert found.rate.isnan().all()


@pytest.mark.parametrize("family", [*ALL, "scratch"])
@pytest.mark.parametrize("text", ["am tag", TEXT, "morgen", "die sonne , die sonne ."])
def test_text_comes_back_from_its_ids(causal, row, family, text):
    decoder = causal(family)
    ids = decoder.encode(row(), text)["labels"]
    found = decoder._translation([*ids, 3, 3], [0.5] * (len(ids) + 2))
    unknown = [word for word in text.split() if word not in " ".join(tiny_checkpoints.TEXT).split()]
    if family != "scratch" or not unknown:
        assert found.text == text
    assert len(found.tokens) == len(ids)


@pytest.mark.parametrize("family", ["llama", "qwen2", "scratch"])
def test_text_that_holds_a_special_token_is_refused(causal, family, row):
    decoder = causal(family)
    end = decoder.tokenizer.eos_token
    with pytest.raises(UserError, match=r"train.tsv:2: .* has a meaning of its own"):
        decoder.encode(row(), f"am {end} tag")


def test_the_end_is_refused_where_it_is_the_unknown_too(causal, row):
    with pytest.raises(UserError, match="has a meaning of its own"):  # GPT-2
        causal("gpt2").encode(row(), "am <|endoftext|> tag")


def test_a_prompt_with_an_unknown_word_is_refused(causal):
    with pytest.raises(UserError, match=r'decoder\.prompt: "übersetze" holds a token'):
        causal(prompt="{signs} übersetze")


def test_sequences_longer_than_the_positions_are_refused(causal, sequence, tokens_of, row):
    for family in ("gpt2", "llama"):
        decoder = causal(family)
        tokens = tokens_of(decoder, {"text": "am"})
        given = tokens["labels"].ids.shape[1] - 1 + len(decoder._own_prompts["prompt"])
        decoder(sequence(96 - given), tokens)
        with pytest.raises(UserError, match="97 steps and tokens.*the model has positions for 96"):
            decoder(sequence(97 - given), tokens)
        with pytest.raises(UserError, match=r"train.tsv:2: prompt and text have \d+ tokens"):
            decoder.encode(row(), "am tag " * 40)
        with pytest.raises(UserError, match="lower max_new_tokens"):
            decoder.generate(sequence(10), tokens, max_new_tokens=90)
    causal("bloom")(sequence(100), tokens_of(causal("bloom"), {"text": "am"}))


def test_padding_takes_no_positions(causal, sequence, tokens_of):
    # A long clip with a short text beside a short clip with a long text.
    decoder = causal("gpt2")
    fields = [{"text": "am"}, {"text": "am tag scheint die sonne"}]
    tokens = tokens_of(decoder, *fields)
    found = decoder(sequence(90, 1), tokens)
    for number, length in enumerate((90, 1)):
        alone = decoder(sequence(length), tokens_of(decoder, fields[number]))
        valid = tokens["labels"].mask[number]
        torch.testing.assert_close(found[number, valid], alone[0], rtol=1e-4, atol=1e-4)


def test_a_tokenizer_without_an_end_is_refused(checkpoint, tmp_path):
    shutil.copytree(checkpoint("llama"), tmp_path, dirs_exist_ok=True)
    made = AutoTokenizer.from_pretrained(checkpoint("gpt2"))._tokenizer
    for file in tmp_path.glob("*token*"):
        file.unlink()
    PreTrainedTokenizerFast(tokenizer_object=made).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no token that ends a text"):
        CausalLm(CausalLmConfig(model=str(tmp_path)))


def test_a_checkpoint_that_is_something_else(checkpoint):
    with pytest.raises(UserError, match="is no causal language model with its tokenizer"):
        CausalLm(CausalLmConfig(model=checkpoint("t5")))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_nothing_is_said_but_errors(causal, family, sequence, tokens_of, capfd, caplog):
    decoder = causal(family, new_tokens=("__dgs__",))
    decoder.model.generation_config.temperature = 0.6
    tokens = tokens_of(decoder, {"text": TEXT})
    capfd.readouterr()
    with caplog.at_level(logging.WARNING):
        decoder.train()(sequence(4), tokens)
        decoder.eval().generate(sequence(4), tokens, max_new_tokens=3, num_beams=1)
        decoder.eval().generate(sequence(4), tokens, max_new_tokens=3, num_beams=2)
    assert (capfd.readouterr().err, caplog.text) == ("", "")


def test_nothing_waits_for_the_device_or_stays_behind(causal, sequence, tokens_of):
    # Meta tensors have no values to wait for, and refuse to meet those of another device.
    decoder = causal("llama", prompt=PROMPT).to("meta")
    tokens = {n: one.to("meta") for n, one in tokens_of(decoder, {"text": "der wind"}).items()}
    for some in (tokens, {"labels": tokens["labels"]}):
        merged, mask = decoder.merge(sequence(5).to("meta"), some)
        assert (merged.device.type, mask.device.type) == ("meta", "meta")
