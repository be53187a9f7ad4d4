"""What the encoder reads: valid steps only, packed to the left, whatever they are padded to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slp_core.sequence import Sequence

DRAWN = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4)
PROMPTS = ("", "am tag", "im süden regnet es", "heute")


@pytest.fixture(scope="module")
def decoder(scratch):
    return scratch(decoder_prompt="und nun")


@pytest.fixture(scope="module")
def rows():
    def make(number):
        texts = ("der wind weht", "sonne .", "morgen", "am tag scheint die sonne .")
        return [{"text": texts[n % 4], "encoder_prompt": PROMPTS[n % 4]} for n in range(number)]

    return make


@DRAWN
@given(lengths=LENGTHS, extra=st.integers(0, 3))
def test_each_sample_is_prompt_steps_end(decoder, sequence, tokens_of, rows, lengths, extra):
    # MultimodalHugs' defect 3: with prompts of different lengths its mask is off by one.
    inputs = sequence(*lengths, extra=extra)
    tokens = tokens_of(decoder, *rows(len(lengths)))
    prompt = tokens["encoder_prompt"]
    merged, mask = decoder.merge(inputs, tokens)
    for number, length in enumerate(lengths):
        words = decoder.embed(prompt.ids[number, prompt.mask[number]])
        end = decoder.embed(torch.tensor([decoder.tokenizer.eos_token_id]))
        expected = torch.cat([words, inputs.values[number, :length], end])
        assert torch.equal(mask[number], torch.arange(mask.shape[1]) < len(expected))
        assert torch.equal(merged[number, mask[number]], expected)


@DRAWN
@given(lengths=LENGTHS, extra=st.integers(0, 3))
def test_a_batch_changes_nobodys_logits(decoder, sequence, tokens_of, rows, lengths, extra):
    together = decoder(
        sequence(*lengths, extra=extra), tokens := tokens_of(decoder, *rows(len(lengths)))
    )
    for number, (length, fields) in enumerate(zip(lengths, rows(len(lengths)), strict=True)):
        alone = decoder(sequence(length), tokens_of(decoder, fields))
        valid = tokens["labels"].mask[number]
        torch.testing.assert_close(together[number, valid], alone[0], rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_valid_step_and_no_other(decoder, sequence, tokens_of, rows):
    inputs = sequence(3, 5, 2, extra=2)
    values = inputs.values.clone().requires_grad_()
    tokens = tokens_of(decoder, *rows(3))
    logits = decoder(Sequence(values, inputs.mask, inputs.rate), tokens)
    logits[tokens["labels"].mask].square().sum().backward()
    assert torch.equal(values.grad.abs().sum(-1) > 0, inputs.mask)
    decoder.zero_grad()


def test_no_prompt_is_an_empty_prompt(decoder, sequence, tokens_of):
    tokens = tokens_of(decoder, {"text": "morgen"}, {"text": "heute"})
    assert tokens["encoder_prompt"].ids.shape == (2, 0)
    with_empty = decoder.merge(sequence(3, 2), tokens)
    without = decoder.merge(sequence(3, 2), {})
    assert all(torch.equal(*pair) for pair in zip(with_empty, without, strict=True))


def test_the_decoder_sees_the_labels_before_each_position(decoder, sequence, tokens_of):
    tokens = tokens_of(decoder, {"text": "der wind weht"})
    before = decoder(sequence(3), tokens)
    tokens["labels"].ids[0, 3] = 5  # seen from position 4 on
    after = decoder(sequence(3), tokens)
    changed = (before != after).any(-1)[0]
    assert changed.tolist() == [False] * 4 + [True] * (len(changed) - 4)


def test_prompts_that_are_not_given_are_the_recipes(scratch, sequence, tokens_of):
    decoder = scratch(encoder_prompt="am tag", decoder_prompt="heute")
    tokens = tokens_of(decoder, {}, {})
    given, own = decoder.merge(sequence(3, 2), tokens), decoder.merge(sequence(3, 2), {})
    assert all(torch.equal(*pair) for pair in zip(given, own, strict=True))
    inputs = sequence(3, 2)
    assert decoder.generate(inputs, {}, max_new_tokens=4) == decoder.generate(
        inputs, tokens, max_new_tokens=4
    )


def test_nothing_waits_for_the_device_or_stays_behind(scratch, sequence, tokens_of):
    # Meta tensors have no values to wait for, and refuse to meet those of another device.
    decoder = scratch(encoder_prompt="am tag").to("meta")
    tokens = {
        name: one.to("meta") for name, one in tokens_of(decoder, {"text": "der wind"}).items()
    }
    for some in (tokens, {"labels": tokens["labels"]}):
        merged, mask = decoder.merge(sequence(5).to("meta"), some)
        assert (merged.device.type, mask.device.type) == ("meta", "meta")
    labels = tokens["labels"]
    assert decoder._shift_right(labels.ids, labels.mask).device.type == "meta"
