"""Search: what is asked for is done, and what is said of it is true."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import GenerationConfig

from slp_core.batch import Tokens
from slp_core.errors import UserError
from slp_llm.decoders.config import Generation
from slp_llm.decoders.generation import OPTIONS


@pytest.fixture(scope="module")
def decoder(scratch):
    return scratch()


def next_probabilities(decoder, inputs, said):
    """P(next piece | what was said), by a forward of its own, without search or cache."""
    merged, mask = decoder.merge(inputs, {})
    ids = torch.tensor([[decoder.frame.start, *said]])
    with torch.no_grad():
        logits = decoder.model(
            inputs_embeds=merged, attention_mask=mask, decoder_input_ids=ids, use_cache=False
        ).logits
    return logits[0, -1].softmax(-1)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("prompt", ["", "der wind"])
def test_probabilities_are_those_of_the_model(decoder, sequence, tokens_of, beams, prompt):
    lengths = (4, 7, 2)
    tokens = tokens_of(decoder, *[{"decoder_prompt": prompt}] * 3)
    options = {"num_beams": beams, "repetition_penalty": 1.3, "max_new_tokens": 6}
    found = decoder.generate(sequence(*lengths), tokens, **options)
    for number, (length, translation) in enumerate(zip(lengths, found, strict=True)):
        said = tokens["decoder_prompt"].ids[number].tolist()
        worth = []
        for piece, probability in translation.tokens:
            piece_id = decoder.tokenizer.convert_tokens_to_ids(piece)
            expected = next_probabilities(decoder, sequence(length), said)[piece_id]
            assert probability == pytest.approx(float(expected), rel=1e-3)
            worth.append(probability)
            said.append(piece_id)
        mean = math.prod(worth) ** (1 / len(worth))
        assert translation.confidence == pytest.approx(mean)


def test_greedy_search_takes_the_likeliest_piece(decoder, sequence, tokens_of):
    (found,) = decoder.generate(sequence(5), tokens_of(decoder, {}), num_beams=1, max_new_tokens=8)
    said = []
    unknown = decoder.tokenizer.unk_token_id
    for piece, _ in found.tokens:
        probabilities = next_probabilities(decoder, sequence(5), said)
        probabilities[unknown] = 0  # never said
        said.append(int(probabilities.argmax()))
        assert piece == decoder.tokenizer.convert_ids_to_tokens(said[-1])
    assert len(said) == 8 or said[-1] == decoder.tokenizer.eos_token_id


def test_beams_find_the_best_of_all_sentences(decoder, sequence, tokens_of):
    # As many beams as pieces: the search over two pieces leaves nothing out.
    size, end = len(decoder.tokenizer), decoder.tokenizer.eos_token_id
    options = {"num_beams": size, "max_new_tokens": 2, "length_penalty": 0.0}
    (found,) = decoder.generate(sequence(6), tokens_of(decoder, {}), **options)
    first = next_probabilities(decoder, sequence(6), []).log()
    first[decoder.tokenizer.unk_token_id] = -math.inf
    scores = {(end,): float(first[end])}
    for one in range(size):
        if one != end:
            second = next_probabilities(decoder, sequence(6), [one]).log() + first[one]
            second[decoder.tokenizer.unk_token_id] = -math.inf
            scores |= {(one, two): float(second[two]) for two in range(size)}
    best = max(scores, key=scores.__getitem__)
    pieces = [decoder.tokenizer.convert_tokens_to_ids(piece) for piece, _ in found.tokens]
    assert pieces == list(best)


@pytest.fixture
def searches(monkeypatch):
    """The generation settings Hugging Face was given, call by call."""
    seen = []

    def spy(decoder):
        generate = decoder.model.generate

        def record(**options):
            seen.append(options["generation_config"])
            return generate(**options)

        monkeypatch.setattr(decoder.model, "generate", record)
        return seen

    return spy


def test_the_beams_asked_for_are_the_beams_used(scratch, sequence, tokens_of, searches):
    decoder = scratch(generation=Generation(num_beams=3, max_new_tokens=4, length_penalty=0.7))
    decoder.model.generation_config.num_beams = 9  # the checkpoint's, which come last
    decoder.model.generation_config.max_new_tokens = 2
    decoder.model.generation_config.no_repeat_ngram_size = 2
    seen = searches(decoder)
    tokens = tokens_of(decoder, {})
    decoder.generate(sequence(4), tokens)
    decoder.generate(sequence(4), tokens, num_beams=2, min_new_tokens=3, repetition_penalty=1.5)
    decoder.generate(sequence(4), tokens, num_beams=1)
    recipe, call, greedy = seen
    assert (recipe.num_beams, recipe.max_new_tokens, recipe.length_penalty) == (3, 4, 0.7)
    assert (call.num_beams, call.max_new_tokens, call.length_penalty) == (2, 4, 0.7)
    assert (call.min_new_tokens, call.repetition_penalty) == (3, 1.5)
    assert greedy.num_beams == 1
    assert {search.no_repeat_ngram_size for search in seen} == {2}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_beam": 3}, r'num_beam is no generation option; did you mean "num_beams"\?'),
        ({"max_length": 3}, "max_length is no generation option"),
        ({"num_return_sequences": 2}, "num_return_sequences is no generation option"),
        ({"num_beams": 0}, "num_beams"),
        ({"num_beams": 2.5}, "num_beams"),
        ({"num_beams": "4"}, "num_beams"),
        ({"max_new_tokens": -1}, "max_new_tokens"),
        ({"temperature": 0.5}, "temperature.*do_sample"),
        ({"num_beams": 1, "length_penalty": 2.0}, "length_penalty.*num_beams"),
        ({"do_sample": True, "num_beams": 1, "top_k": -3}, "top_k"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(decoder, sequence, tokens_of, options, said):
    with pytest.raises(UserError, match=rf"(?s)decoder: .*{said}"):
        decoder.generate(sequence(4), tokens_of(decoder, {}), **options)


def test_options_are_hugging_faces():
    names = set(GenerationConfig().to_dict())
    assert set(OPTIONS) < names
    assert {"num_beams", "max_new_tokens"} < names


def test_sampling_follows_the_seed(decoder, sequence, tokens_of):
    tokens, options = tokens_of(decoder, {}), {"do_sample": True, "num_beams": 1, "top_k": 10}
    texts = []
    for seed in (0, 0, 1, 2, 3):
        torch.manual_seed(seed)
        texts.append(decoder.generate(sequence(4), tokens, **options)[0].text)
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("extra", [0, 3])
def test_a_translation_depends_on_nobody_else(scratch, sequence, tokens_of, beams, extra):
    # Prompts of different lengths, before the steps and before the text, in one batch.
    decoder = scratch(seed=3)
    rows = [
        {"encoder_prompt": "am tag"},
        {"decoder_prompt": "der wind weht"},
        {"encoder_prompt": "im süden regnet", "decoder_prompt": "heute"},
        {"decoder_prompt": "und nun die"},
        {},
    ]
    lengths = (4, 9, 1, 6, 3)
    options = {"num_beams": beams, "max_new_tokens": 7}
    together = decoder.generate(
        sequence(*lengths, extra=extra), tokens_of(decoder, *rows), **options
    )
    for length, row, ours in zip(lengths, rows, together, strict=True):
        (alone,) = decoder.generate(sequence(length), tokens_of(decoder, row), **options)
        assert ours.text == alone.text
        assert [piece for piece, _ in ours.tokens] == [piece for piece, _ in alone.tokens]
        assert ours.confidence == pytest.approx(alone.confidence, rel=1e-4)


def test_text_is_clean(decoder):
    ids = decoder.tokenizer.convert_tokens_to_ids(["am", "<s>", "tag", "<pad>", ".", "</s>", "der"])
    found = decoder._translation(ids, [0.5] * 7)
    assert found.text == "am tag ."
    assert [piece for piece, _ in found.tokens] == ["am", "<s>", "tag", "<pad>", ".", "</s>"]
    assert found.confidence == pytest.approx(0.5)
    assert decoder._translation([decoder.tokenizer.eos_token_id], [0.25]).text == ""


def test_the_unknown_word_is_never_said(scratch, sequence, tokens_of):
    decoder = scratch()
    with torch.no_grad():  # a model that would say nothing else
        decoder.model.lm_head = torch.nn.Linear(16, len(decoder.tokenizer))
        decoder.model.lm_head.bias[decoder.tokenizer.unk_token_id] = 100.0
    for one in decoder.generate(sequence(4, 5), tokens_of(decoder, {}, {}), max_new_tokens=5):
        assert "<unk>" not in [piece for piece, _ in one.tokens]


def test_many_logits_are_scored_a_few_at_a_time(decoder, sequence, tokens_of, monkeypatch):
    inputs, tokens = sequence(4, 7, 2), tokens_of(decoder, {}, {}, {})
    whole = decoder.generate(inputs, tokens, max_new_tokens=5)
    monkeypatch.setattr("slp_llm.decoders.language_model._LOGITS_AT_ONCE", 1)
    for ours, theirs in zip(decoder.generate(inputs, tokens, max_new_tokens=5), whole, strict=True):
        assert ours.confidence == pytest.approx(theirs.confidence)


def test_long_clips_in_training_and_translation(decoder, sequence, tokens_of):
    tokens = tokens_of(decoder, {"text": "morgen"})
    with torch.inference_mode():
        decoder.generate(sequence(1100), tokens, num_beams=1, max_new_tokens=2)
    decoder(sequence(1200), tokens).sum().backward()  # positions made while translating serve on
    decoder.zero_grad()
    assert isinstance(tokens["labels"], Tokens)
