"""Signs to glosses to text: what each half reads, and what the whole is worth."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tiny_reader
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.batch import Batch
from slp_core.context import Context
from slp_core.ctc import Transcript
from slp_core.errors import UserError
from slp_core.inner import Inner
from slp_core.manifest import Manifest, Row
from slp_core.parts import Decoder
from slp_core.sequence import Sequence
from slp_llm.decoders.cascade.model import Cascade
from slp_llm.decoders.cascade.spec import CascadeConfig, Noise
from slp_llm.decoders.causal_lm.spec import SPEC as CAUSAL
from slp_llm.decoders.causal_lm.spec import CausalLmConfig, CausalScratch
from slp_llm.decoders.config import Generation, Lora
from slp_llm.decoders.seq2seq.spec import SPEC as SEQ2SEQ
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig
from slp_llm.objectives.cross_entropy.model import CrossEntropy
from slp_llm.objectives.cross_entropy.spec import CrossEntropyConfig

ROWS = (
    {"gloss": "REGEN SÜD NACHT", "text": "im süden regnet es heute nacht ."},
    {"gloss": "WIND WEST", "text": "der wind weht aus west"},
    {"gloss": "TAG SONNE SCHEINEN", "text": "am tag scheint die sonne ."},
)
SIZES = {"dim": 16, "layers": 2, "heads": 2, "ffn": 24, "init_std": 0.3}
SEARCH = Generation(num_beams=1, max_new_tokens=6)
KINDS = ["causal-lm", "seq2seq", "gpt2", "t5"]


def manifest() -> Manifest:
    file = Path("train.tsv")
    rows = tuple(Row(fields, file, line) for line, fields in enumerate(ROWS, 2))
    return Manifest(file, ("gloss", "text"), rows, "")


@pytest.fixture
def make(checkpoint):
    """A cascade of the tiny reader and a language model of a kind."""

    def cascade(kind: str = "causal-lm", *, seed: int = 0, then=None, **options) -> Cascade:
        told = {"generation": SEARCH, **(then or {})}
        if kind in ("causal-lm", "gpt2"):
            model = {"scratch": CausalScratch(**SIZES)} if kind == "causal-lm" else {}
            model = model or {"model": checkpoint(kind)}
            inner = Inner(CAUSAL, CausalLmConfig(**model, **told), kind)
        else:
            model = {"scratch": Scratch(**SIZES)} if kind == "seq2seq" else {}
            model = model or {"model": checkpoint(kind)}
            inner = Inner(SEQ2SEQ, Seq2SeqConfig(**model, **told), kind)
        first = Inner(tiny_reader.SPEC, tiny_reader.ReaderConfig(), "tiny-reader")
        torch.manual_seed(seed)
        config = CascadeConfig(first=first, then=inner, **options)
        return Cascade(config, Context(path="decoder", train=manifest())).eval()

    return cascade


def by_hand(cascade: Cascade, text: str) -> Sequence:
    """A text as the language model embeds it, one sample."""
    ids = cascade.then.tokenizer(text, add_special_tokens=False).input_ids
    steps = cascade.then.embed(torch.tensor([ids]))
    return Sequence(steps, torch.ones(1, len(ids), dtype=torch.bool), torch.ones(1))


def without(tokens, name="glosses"):
    return {key: one for key, one in tokens.items() if key != name}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lower", [False, True])
def test_logits_are_those_of_the_language_model_given_the_embedded_glosses(
    make, tokens_of, kind, lower
):
    prompt = {"causal-lm": "prompt", "gpt2": "prompt"}.get(kind, "encoder_prompt")
    cascade = make(kind, lower=lower, then={prompt: "am tag {signs} wind"})
    tokens = tokens_of(cascade, *ROWS)
    found = cascade(None, tokens)
    for number, row in enumerate(ROWS):
        own = tokens_of(cascade.then, row)
        gloss = row["gloss"].lower() if lower else row["gloss"]
        expected = cascade.then(by_hand(cascade, gloss), own)[0]
        length = len(expected)
        torch.testing.assert_close(found[number, :length], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["causal-lm", "seq2seq"])
@pytest.mark.parametrize("lower", [False, True])
def test_a_tokenizer_from_scratch_knows_the_glosses_as_they_are_read(make, kind, lower):
    cascade = make(kind, lower=lower)
    known = cascade.then.tokenizer.get_vocab()
    assert ("REGEN" in known) is not lower and ("regen" in known) is lower
    assert cascade.then.context.texts == () and cascade.then.context.train is None
    wind = [known[word] for word in ("wind", "west") if lower]
    read = cascade.then._ids(text=cascade._text(cascade._classes("WIND WEST")))
    assert read == wind or not lower  # words that both columns have share their embedding


@settings(max_examples=20)
@given(
    numbers=st.lists(st.integers(0, 2), min_size=1, max_size=4),
    kind=st.sampled_from(["causal-lm", "seq2seq"]),
)
def test_a_batch_changes_nobodys_logits(cascades, tokens_of, numbers, kind):
    cascade = cascades[kind]
    tokens = tokens_of(cascade, *[ROWS[number] for number in numbers])
    tokens["glosses"].ids[~tokens["glosses"].mask] = 10**6
    together = cascade(None, tokens)
    for place, number in enumerate(numbers):
        alone = cascade(None, tokens_of(cascade, ROWS[number]))[0]
        torch.testing.assert_close(together[place, : len(alone)], alone, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def cascades():
    """One of each kind from scratch, made once."""
    first = Inner(tiny_reader.SPEC, tiny_reader.ReaderConfig(), "tiny-reader")
    models = {
        "causal-lm": Inner(CAUSAL, CausalLmConfig(scratch=CausalScratch(**SIZES)), "causal-lm"),
        "seq2seq": Inner(SEQ2SEQ, Seq2SeqConfig(scratch=Scratch(**SIZES)), "seq2seq"),
    }
    context = Context(path="decoder", train=manifest())
    return {
        kind: Cascade(CascadeConfig(first=first, then=inner), context).eval()
        for kind, inner in models.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_signs_are_read_and_what_is_read_is_translated(make, sequence, tokens_of, kind):
    cascade = make(kind)
    inputs = sequence(6, 3, extra=2)
    inputs.values[~inputs.mask] = torch.nan
    read = cascade.first.transcribe(sequence(6, 3))
    assert all(one.text for one in read)
    tokens = tokens_of(cascade.then, {}, {})
    found = cascade.generate(inputs, tokens)
    for one, glosses, alone in zip(found, read, (sequence(6), sequence(3)), strict=True):
        own = tokens_of(cascade.then, {})
        (expected,) = cascade.then.generate(by_hand(cascade, glosses.text), own)
        assert (one.text, one.transcripts) == (
            expected.text,
            {"decoder.first": glosses.text},
        )
        pieces, words = [p for _, p in expected.tokens], len(glosses.text.split())
        all_of_them = [glosses.probability, *pieces]
        product = math.prod(all_of_them) ** (1 / (len(pieces) + words))
        assert one.confidence == pytest.approx(product, rel=1e-3)
        (same,) = cascade.generate(alone, own)
        assert same.text == one.text
        assert same.confidence == pytest.approx(one.confidence, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_transcript_is_translated_and_worth_nothing(make, sequence, tokens_of, kind):
    cascade = make(kind)
    transcribe = cascade.first.transcribe
    read = [Transcript("", 0.99), *transcribe(sequence(5))]
    cascade.first.transcribe = lambda steps: read
    found = cascade.generate(sequence(4, 5), tokens_of(cascade.then, {}, {}))
    assert found[0].confidence == 0 and found[0].transcripts == {"decoder.first": ""}
    assert found[0].tokens and found[1].confidence > 0
    (alone,) = (read.pop(), cascade.generate(sequence(4), tokens_of(cascade.then, {})))[1]
    assert alone.text == found[0].text
    empty = cascade.then.read_text(["", "WIND"])
    assert empty.lengths.tolist()[0] == 1
    assert torch.equal(
        empty.values[0, 0], cascade.then.embed(torch.tensor(cascade.then.tokenizer.eos_token_id))
    )


def test_rows_without_glosses_can_be_learnt_from(make, tokens_of):
    cascade = make()
    logits = cascade(None, tokens_of(cascade, {"gloss": "", "text": "morgen"}, ROWS[0]))
    assert logits.isfinite().all()


def test_a_rows_own_glosses_are_not_looked_at_when_translating(make, sequence, tokens_of):
    cascade = make()
    rows = [{}, {"gloss": "WIND WEST"}, {"gloss": "gibt es nicht"}, {"gloss": ""}]
    found = [
        cascade.generate(sequence(5), tokens_of(cascade, {**row, **text}))[0]
        for row in rows
        for text in ({}, {"text": "der wind"})
    ]
    assert len({(one.text, one.confidence, *one.tokens) for one in found}) == 1


def test_the_column_is_read_only_where_a_text_is_learnt(make, row):
    cascade = make()
    assert "glosses" not in cascade.encode(row(gloss="WIND"), None)
    assert "glosses" not in cascade.encode(row(), "der wind")
    tokens = cascade.encode(row(gloss="WIND GIBTESNICHT WEST"), "der wind")
    assert cascade.first.units.decode(tokens["glosses"]) == "WIND WEST"
    assert without(tokens) == cascade.then.encode(row(), "der wind")


def test_learning_without_the_column_is_an_error(make, tokens_of):
    cascade = make()
    with pytest.raises(UserError, match="decoder.then: learns from the column `gloss`"):
        cascade(None, tokens_of(cascade, {"text": "der wind"}))


def test_noise_is_drawn_in_training_only_and_from_torchs_generator(make, tokens_of):
    cascade = make(noise=Noise(drop=0.3, substitute=0.3, insert=0.3))
    clean, tokens = make(), tokens_of(cascade, *ROWS)
    assert torch.equal(cascade(None, tokens), clean(None, tokens))
    cascade.train()
    drawn = []
    for seed in (0, 1, 0):
        torch.manual_seed(seed)
        drawn.append([cascade(None, tokens) for _ in range(2)])
    assert not torch.equal(drawn[0][0], drawn[0][1])
    assert not torch.equal(drawn[0][0], drawn[1][0])
    assert all(torch.equal(one, other) for one, other in zip(drawn[0], drawn[2], strict=True))


def test_cross_entropy_trains_the_language_model_alone(make, tokens_of, row):
    lora = Lora(targets=("q_proj", "v_proj"), rank=2)
    cascade = make(then={"lora": lora}).train()
    groups = {name: list(group) for name, group in cascade.subparts().items()}
    assert set(groups) >= {"first", "then", "then.lora", "then.layers", "then.embeddings"}
    assert {id(p) for p in groups["then.lora"]} < {id(p) for p in groups["then"]}
    assert len(groups["first"]) + len(groups["then"]) == len(list(cascade.parameters()))
    for parameter in cascade.parameters():
        parameter.requires_grad_(False)
    for parameter in groups["then.lora"]:
        parameter.requires_grad_(True)
    tokens = tokens_of(cascade, *ROWS)
    batch = Batch((row(),) * 3, {}, {f"decoder.{name}": one for name, one in tokens.items()})
    pipeline = torch.nn.Module()
    pipeline.decoder = cascade
    objective = CrossEntropy(CrossEntropyConfig())
    assert objective.reads(pipeline) == ()
    objective(pipeline, type("Trace", (), {"last": None}), batch).backward()
    trained = {id(p) for p in cascade.parameters() if p.grad is not None}
    assert trained == {id(p) for p in groups["then.lora"]}


def test_halves_that_read_nothing_are_refused():
    reader = Inner(tiny_reader.SPEC, tiny_reader.ReaderConfig(), "tiny-reader")
    model = Inner(CAUSAL, CausalLmConfig(scratch=CausalScratch(**SIZES)), "causal-lm")
    context = Context(path="decoder", train=manifest())
    with pytest.raises(UserError, match='decoder.first: .* "causal-lm" reads no column'):
        Cascade(CascadeConfig(first=model, then=model), context)
    with pytest.raises(UserError, match='decoder.then: .* "tiny-reader" reads no text'):
        Cascade(CascadeConfig(first=reader, then=reader), context)
    scaled = Inner(SEQ2SEQ, Seq2SeqConfig(scratch=Scratch(**SIZES), scale_inputs=True), "seq2seq")
    with pytest.raises(ValueError, match="scale_inputs is for signs"):
        CascadeConfig(first=reader, then=scaled)


def test_what_it_learnt_is_saved_below_it(make, tmp_path, sequence, tokens_of):
    cascade = make(lower=True)
    cascade.save_assets(tmp_path)
    opened = Cascade(cascade.config, Context(path="decoder", assets=tmp_path)).eval()
    opened.load_state_dict(cascade.state_dict())
    tokens = tokens_of(cascade, {}, {})
    assert opened.generate(sequence(4, 7), tokens) == cascade.generate(sequence(4, 7), tokens)


def test_a_decoder_reads_no_text_unless_it_says_so():
    reader = tiny_reader.Reader(tiny_reader.ReaderConfig(), Context(train=manifest()))
    assert Decoder.reads_signs
    with pytest.raises(UserError, match="Reader: reads no text"):
        reader.read_text(["WIND"])
