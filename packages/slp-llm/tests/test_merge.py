"""What the encoder reads: valid steps only, packed to the left, whatever they are padded to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from slp_core.batch import Sample, collate
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
from slp_core.sequence import Sequence
from slp_core.signals import Signal
from slp_llm.decoders.prompts import ExamplesConfig
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig

DRAWN = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4)

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
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


# -- prompts around the signs --------------------------------------------------------------------

SPAMO = "{signs} translate the signs into german {examples}"
PAIRS = (("es regnet", "im süden regnet es"), ("the sun", "am tag"), ("wind", "der wind weht ."))


@pytest.fixture(scope="module")
def train():
    file = Path("train.tsv")
    rows = [Row({"en": en, "text": text}, file, line) for line, (en, text) in enumerate(PAIRS, 2)]
    return Manifest(file, ("en", "text"), tuple(rows), "")


@pytest.fixture(scope="module")
def t5(checkpoint, train):
    config = Seq2SeqConfig(
        model=checkpoint("t5"), encoder_prompt=SPAMO, examples=ExamplesConfig("{en}={text}", 1)
    )
    return Seq2Seq(config, Context(path="decoder", train=train)).eval()


@pytest.mark.parametrize("lengths", [(4, 2, 5), (1, 6, 3)])
def test_spamos_order_is_visual_then_prompt(checkpoint, t5, train, sequence, lengths):
    # Each sample by hand, alone and unpadded, through the family's own model and tokenizer.
    tokenizer = AutoTokenizer.from_pretrained(checkpoint("t5"))
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint("t5")).eval()
    inputs = sequence(*lengths, extra=2)
    together = t5(inputs, _tokens(t5, train))
    for number, row in enumerate(train):
        shown = [f"{en}={text}" for en, text in PAIRS if text != row.get("text")]
        prompts = [
            tokenizer(f"translate the signs into german {one}", return_tensors="pt").input_ids
            for one in shown
        ]  # with </s> behind
        labels = tokenizer(row.get("text"), return_tensors="pt").input_ids
        candidates = []
        for prompt in prompts:
            steps = inputs.values[number : number + 1, : lengths[number]]
            embeds = torch.cat([steps, model.get_input_embeddings()(prompt)], 1)
            with torch.no_grad():
                candidates.append(model(inputs_embeds=embeds, labels=labels).logits[0])
        ours = together[number, : labels.shape[1]]
        gaps = [float((ours - theirs).abs().max().detach()) for theirs in candidates]
        assert min(gaps) < 1e-4 < max(gaps)  # one of the two others' examples, and only one


def _tokens(decoder, rows):
    """The token ids of rows where they stand, collated."""
    step = Signal(np.zeros((1, 1), np.float32), 25.0)
    samples = [Sample(row, {"": step}, decoder.encode(row, row.get("text"))) for row in rows]
    return collate(samples).tokens


@DRAWN
@given(lengths=LENGTHS, extra=st.integers(0, 3))
def test_each_sample_is_before_steps_behind_end(scratch_around, sequence, rows, lengths, extra):
    decoder, tokens_of = scratch_around
    inputs = sequence(*lengths, extra=extra)
    fields = [{k: v for k, v in row.items() if k == "text"} for row in rows(len(lengths))]
    own = {"encoder_prompt": "und nun"}  # a row's own prompt goes before, and nothing behind
    fields = [{**one, **(own if n % 3 == 1 else {})} for n, one in enumerate(fields)]
    tokens = tokens_of(decoder, *fields)
    assert tokens["encoder_prompt_behind"].ids.shape[1] == 2
    merged, mask = decoder.merge(inputs, tokens)
    ids = decoder.tokenizer.convert_tokens_to_ids
    for number, length in enumerate(lengths):
        brought = number % 3 == 1
        before = ids(["und", "nun"] if brought else ["am", "tag"])
        behind = ids([] if brought else ["der", "wind"])
        expected = torch.cat(
            [
                decoder.embed(torch.tensor(before)),
                inputs.values[number, :length],
                decoder.embed(torch.tensor([*behind, decoder.tokenizer.eos_token_id])),
            ]
        )
        assert torch.equal(mask[number], torch.arange(mask.shape[1]) < len(expected))
        assert torch.equal(merged[number, mask[number]], expected)


@pytest.fixture(scope="module")
def scratch_around(scratch, tokens_of):
    return scratch(encoder_prompt="am tag {signs} der wind"), tokens_of


def test_a_rows_own_prompt_is_not_read_as_a_template(checkpoint, tokens_of):
    config = Seq2SeqConfig(model=checkpoint("t5"), encoder_prompt="{signs} am tag")
    decoder = Seq2Seq(config)
    with pytest.raises(UserError, match=r'encoder_prompt: "\{signs\}" holds a token'):
        tokens_of(decoder, {"encoder_prompt": "{signs}"})


def test_prompts_around_that_are_not_given_are_the_recipes(t5, scratch_around, sequence):
    decoder, tokens_of = scratch_around
    inputs = sequence(3, 2)
    given, own = decoder.merge(inputs, tokens_of(decoder, {}, {})), decoder.merge(inputs, {})
    assert all(torch.equal(*pair) for pair in zip(given, own, strict=True))
    _, mask = t5.merge(inputs, {})  # some example is shown
    assert mask.sum(1).tolist() == [
        n + len(t5._own_prompts["encoder_prompt_behind"]) + 1 for n in (3, 2)
    ]


@pytest.mark.parametrize("family", ["t5", "m2m100", "mbart50", "marian"])
def test_no_lone_blank_stands_at_the_signs(checkpoint, family, tokens_of):
    config = Seq2SeqConfig(model=checkpoint(family), encoder_prompt="am tag {signs} der wind")
    tokens = tokens_of(Seq2Seq(config), {})
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    for key, text in (("encoder_prompt", "am tag"), ("encoder_prompt_behind", "der wind")):
        assert tokens[key].ids[0].tolist() == tokenizer(text, add_special_tokens=False).input_ids
        assert "▁" not in tokenizer.convert_ids_to_tokens(tokens[key].ids[0])[-1:]


def test_an_opened_decoder_shows_the_same_examples(t5, train, tmp_path):
    t5.save_assets(tmp_path)
    opened = Seq2Seq(t5.config, Context(path="decoder", assets=tmp_path))
    for row in [*train, Row({"id": "x"}, Path("test.tsv"), 2)]:
        assert opened.encode(row, None) == t5.encode(row, None)


def test_examples_may_hold_what_the_vocabulary_lacks_and_the_prompt_may_not(checkpoint, train):
    odd = [Row({"en": "жд", "text": row.get("text")}, row.file, row.line) for row in train]
    context = Context(path="decoder", train=Manifest(train.file, train.columns, tuple(odd), ""))
    options = {"model": checkpoint("t5"), "examples": ExamplesConfig("{en}={text}")}
    Seq2Seq(Seq2SeqConfig(encoder_prompt="am tag {examples}", **options), context).encode(
        odd[0], ""
    )
    with pytest.raises(UserError, match='encoder_prompt: "жд " holds a token the vocabulary lacks'):
        Seq2Seq(Seq2SeqConfig(encoder_prompt="жд {examples}", **options), context)
