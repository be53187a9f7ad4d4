"""Search with a cache and padding on the left finds what it would find without either."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from attrs import evolve

from slp_core.batch import Sample, collate
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.signals import Signal
from slp_llm.decoders.causal_lm.model import CausalLm
from slp_llm.decoders.generation import settings
from slp_llm.decoders.prompts import ExamplesConfig

FAMILIES = ["scratch", "llama", "gpt2", "qwen2", "bloom", "gemma2", "gemma3"]
PROMPT = "translate the signs {signs} into german"


def make(causal, family):
    return causal(family, prompt="{signs}" if family == "scratch" else PROMPT)


def next_scores(decoder, inputs, said):
    """log P(next piece | what was said): a forward of its own of one sample, neither cache nor
    padding, and the mask and positions that the model itself takes where it is told none."""
    own = {key: torch.tensor(ids, dtype=torch.long) for key, ids in decoder._own_prompts.items()}
    table = decoder.model.get_input_embeddings()
    parts = [table(own["prompt"]), inputs.values[0, : int(inputs.lengths)]]
    parts += [table(own["prompt_behind"]), table(torch.tensor(said, dtype=torch.long))]
    with torch.no_grad():
        logits = decoder.model(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits
    return logits[0, -1].log_softmax(-1)


def ids_of(decoder, translation):
    return [decoder.tokenizer.convert_tokens_to_ids(piece) for piece, _ in translation.tokens]


def silent(decoder, scores):
    """What is never said is not looked for."""
    never = decoder.model.generation_config.suppress_tokens or []
    return scores.index_fill(0, torch.tensor(never, dtype=torch.long), -math.inf)


def beam_search(decoder, inputs, beams, most):
    """Beam search written out: the ids of the best sentence, by the sum of its scores."""
    end, running, ended = decoder.tokenizer.eos_token_id, [([], 0.0)], []
    for step in range(most):
        grown = []
        for said, score in running:
            scores = silent(decoder, next_scores(decoder, inputs, said))
            best = scores.topk(2 * beams)
            grown += [
                ([*said, one], score + worth)
                for one, worth in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
        grown = sorted(grown, key=lambda one: -one[1])[: 2 * beams]
        ended += [one for one in grown[:beams] if one[0][-1] == end]
        running = [one for one in grown if one[0][-1] != end][:beams]
        if step + 1 == most:
            ended += running
    return max(ended, key=lambda one: one[1])[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_search_is_the_likeliest_piece_each_time(causal, family, sequence):
    decoder = make(causal, family)
    lengths = (5, 9, 1)
    found = decoder.generate(sequence(*lengths, extra=2), {}, num_beams=1, max_new_tokens=7)
    for length, one in zip(lengths, found, strict=True):
        said = []
        while len(said) < 7 and decoder.tokenizer.eos_token_id not in said:
            said.append(int(silent(decoder, next_scores(decoder, sequence(length), said)).argmax()))
        assert ids_of(decoder, one) == said


@pytest.mark.parametrize("family", FAMILIES)
def test_beams_are_those_of_a_search_written_out(causal, family, sequence):
    decoder = make(causal, family)
    lengths = (4, 8)
    options = {"num_beams": 3, "max_new_tokens": 5, "length_penalty": 0.0}
    found = decoder.generate(sequence(*lengths), {}, **options)
    for length, one in zip(lengths, found, strict=True):
        assert ids_of(decoder, one) == beam_search(decoder, sequence(length), 3, 5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beams", [1, 4])
def test_the_cache_changes_nothing(causal, family, sequence, beams):
    decoder = make(causal, family)
    merged, mask = decoder.merge(sequence(6, 2, 9), {})
    search = settings(
        decoder.model.generation_config,
        decoder.config.generation,
        {"num_beams": beams, "max_new_tokens": 8},
        "decoder",
    ).config
    search.pad_token_id, found = decoder.tokenizer.eos_token_id, []
    for search.use_cache in (True, False):
        found.append(
            decoder._search(inputs_embeds=merged, attention_mask=mask, generation_config=search)
        )
    assert torch.equal(*found)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("extra", [0, 3])
def test_a_translation_depends_on_nobody_else(causal, family, sequence, tokens_of, beams, extra):
    decoder = make(causal, family)
    lengths = (4, 9, 1, 6, 3)
    options = {"num_beams": beams, "max_new_tokens": 7}
    inputs = sequence(*lengths, extra=extra)
    inputs.values[~inputs.mask] = torch.nan
    together = decoder.generate(inputs, tokens_of(decoder, *[{}] * 5), **options)
    for length, ours in zip(lengths, together, strict=True):
        (alone,) = decoder.generate(sequence(length), {}, **options)
        assert ours.text == alone.text
        assert ids_of(decoder, ours) == ids_of(decoder, alone)
        assert ours.confidence == pytest.approx(alone.confidence, rel=1e-4)


def test_prompts_of_different_lengths_change_nobody(causal, context_of, sequence):
    train = context_of("a", "ab c", "der wind weht", "am tag").train
    shown = ExamplesConfig("{text}={text}")
    config = evolve(causal("gpt2").config, prompt="{examples} {signs} is", examples=shown)
    decoder = CausalLm(config, Context(train=train)).eval()

    def tokens_of(*rows):
        step = Signal(np.zeros((1, 1), np.float32), 25.0)
        return collate([Sample(r, {"": step}, decoder.encode(r, None)) for r in rows]).tokens

    tokens = tokens_of(*train)
    assert len(set(tokens["prompt"].mask.sum(1).tolist())) > 1
    lengths, options = (3, 7, 1, 5), {"num_beams": 3, "max_new_tokens": 6}
    together = decoder.generate(sequence(*lengths), tokens, **options)
    for length, row, ours in zip(lengths, train, together, strict=True):
        (alone,) = decoder.generate(sequence(length), tokens_of(row), **options)
        assert ids_of(decoder, ours) == ids_of(decoder, alone)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beams", [1, 3])
def test_probabilities_are_those_of_the_model(causal, family, sequence, beams, monkeypatch):
    decoder = make(causal, family)
    monkeypatch.setattr("slp_llm.decoders.language_model._LOGITS_AT_ONCE", 20000)
    lengths = (4, 7, 2)
    options = {"num_beams": beams, "repetition_penalty": 1.3, "max_new_tokens": 6}
    found = decoder.generate(sequence(*lengths), {}, **options)
    for length, translation in zip(lengths, found, strict=True):
        said, worth = [], []
        for (_, probability), one in zip(
            translation.tokens, ids_of(decoder, translation), strict=True
        ):
            expected = next_scores(decoder, sequence(length), said)[one].exp()
            assert probability == pytest.approx(float(expected), rel=1e-3)
            worth.append(probability)
            said.append(one)
        assert translation.confidence == pytest.approx(math.prod(worth) ** (1 / len(worth)))


def test_a_sentence_that_was_learnt_is_said_as_it_was_written(causal, sequence, tokens_of):
    # Two clips, two sentences: what is decoded is the text, blanks and letters.
    texts = ("über é 好 , morgen .", "am tag scheint die sonne .")
    for family in ("llama", "gpt2"):
        torch.manual_seed(0)
        decoder = make(causal, family)
        tokens = tokens_of(decoder, *[{"text": text} for text in texts])
        inputs = sequence(3, 5)
        labels = tokens["labels"].ids.masked_fill(~tokens["labels"].mask, -100).flatten()
        optimizer = torch.optim.AdamW(decoder.parameters(), lr=0.01)
        for _ in range(80):
            logits = decoder(inputs, tokens).flatten(0, 1)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits, labels).backward()
            optimizer.step()
        for beams in (1, 4):
            found = decoder.generate(inputs, {}, num_beams=beams, max_new_tokens=40)
            assert tuple(one.text for one in found) == texts
            assert all(ids_of(decoder, one)[-1] == decoder.tokenizer.eos_token_id for one in found)


def test_a_checkpoint_that_samples_does_so_only_if_asked(causal, sequence):
    decoder = causal("llama")
    decoder.model.generation_config.do_sample = True
    decoder.model.generation_config.temperature = 5.0
    options = {"num_beams": 1, "max_new_tokens": 8}
    (one,), (two,) = (decoder.generate(sequence(4), {}, **options) for _ in range(2))
    assert one == two
    drawn = {decoder.generate(sequence(4), {}, do_sample=True, **options)[0].text for _ in range(4)}
    assert len(drawn) > 1


def test_one_token_ends_a_translation(causal, sequence):
    # LLaMA 3 ends with either of two; the one that is learnt is the tokenizer's.
    decoder = causal("llama")
    decoder.model.generation_config.eos_token_id = list(range(3, 40))
    (one,) = decoder.generate(sequence(4), {}, num_beams=1, max_new_tokens=8)
    end = decoder.tokenizer.eos_token_id
    assert len(one.tokens) == 8 or ids_of(decoder, one)[-1] == end


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_beam": 3}, r'num_beam is no generation option; did you mean "num_beams"\?'),
        ({"temperature": 0.5}, "temperature.*do_sample"),
        ({"num_beams": 1, "length_penalty": 2.0}, "length_penalty.*num_beams"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(causal, sequence, options, said):
    with pytest.raises(UserError, match=rf"(?s)decoder: .*{said}"):
        causal().generate(sequence(4), {}, **options)
