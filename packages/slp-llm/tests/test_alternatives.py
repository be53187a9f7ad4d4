"""What else a search found: the beams of upstream's own search, or the likeliest of all texts."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
import tiny_reader
import torch
from attrs import evolve

from slp_core.context import Context
from slp_core.ctc import collapse
from slp_core.inner import Inner
from slp_core.manifest import Manifest, Row
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType
from slp_llm.decoders.cascade.model import Cascade
from slp_llm.decoders.cascade.spec import CascadeConfig
from slp_llm.decoders.config import Generation
from slp_llm.decoders.ctc.model import CTCDecoder
from slp_llm.decoders.ctc.spec import CTCDecoderConfig
from slp_llm.decoders.seq2seq.spec import SPEC as SEQ2SEQ
from slp_llm.decoders.seq2seq.spec import Scratch, Seq2SeqConfig

SEARCH = {"num_beams": 4, "max_new_tokens": 5}
KINDS = ["scratch", "causal", "t5", "gpt2"]


@pytest.fixture
def make(scratch, causal, checkpoint):
    def decoder(kind):
        if kind == "t5":
            config = Seq2SeqConfig(model=checkpoint("t5"))
            return SEQ2SEQ.load()(config, Context(path="decoder")).eval()
        return scratch() if kind == "scratch" else causal("gpt2" if kind == "gpt2" else "scratch")

    return decoder


def upstream(decoder, inputs: Sequence, returned: int) -> list[str]:
    """The texts of the beams that Transformers itself returns for one sample."""
    merged, mask = decoder.merge(inputs, {})
    encoder_decoder = decoder.model.config.is_encoder_decoder
    special = {"decoder_start_token_id": decoder.frame.start} if encoder_decoder else {}
    ids = decoder.model.generate(
        inputs_embeds=merged,
        attention_mask=mask,
        num_return_sequences=returned,
        do_sample=False,
        eos_token_id=decoder.tokenizer.eos_token_id,
        pad_token_id=decoder.tokenizer.eos_token_id,
        **special,
        **SEARCH,
    )
    return decoder.tokenizer.batch_decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_beams_that_upstream_returns(make, sequence, kind):
    decoder, lengths = make(kind), (4, 9)
    found = decoder.generate(sequence(*lengths, extra=2), {}, alternatives=3, **SEARCH)
    plain = decoder.generate(sequence(*lengths, extra=2), {}, **SEARCH)
    assert sum(len(one.alternatives) for one in found) > 2
    for length, one, alone in zip(lengths, found, plain, strict=True):
        texts = list(dict.fromkeys(upstream(decoder, sequence(length), 4)))
        assert [one.text, *(other.text for other in one.alternatives)] == texts
        # asking for them changes nothing else
        assert evolve(one, alternatives=()).text == alone.text and not alone.alternatives
        assert one.confidence == pytest.approx(alone.confidence, rel=1e-5)
        # nor does who else is in the batch
        (single,) = decoder.generate(sequence(length), {}, alternatives=3, **SEARCH)
        for ours, theirs in zip(one.alternatives, single.alternatives, strict=True):
            assert ours.confidence == pytest.approx(theirs.confidence, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_each_has_the_probabilities_of_its_own_pieces(make, sequence, tokens_of, kind):
    decoder = make(kind)
    (found,) = decoder.generate(sequence(6), {}, alternatives=2, **SEARCH)
    assert found.alternatives
    for one in (found, *found.alternatives):
        ids = decoder.tokenizer.convert_tokens_to_ids([piece for piece, _ in one.tokens])
        labels = tokens_of(decoder, {"text": one.text})["labels"]
        if labels.ids[0].tolist() != ids:
            continue  # cut off before its end, or spelled in other pieces
        logits = decoder(sequence(6), {"labels": labels})[0].log_softmax(-1)
        worth = logits[torch.arange(len(ids)), torch.tensor(ids)].exp()
        assert [p for _, p in one.tokens] == pytest.approx(worth.tolist(), rel=1e-3)
        assert one.probability == pytest.approx(math.prod(worth.tolist()), rel=1e-3)


def test_as_many_as_there_are_beams(scratch, sequence):
    decoder = scratch()
    (found,) = decoder.generate(sequence(6), {}, alternatives=99, num_beams=3, max_new_tokens=4)
    assert 0 < len(found.alternatives) <= 2
    assert len({found.text, *(one.text for one in found.alternatives)}) == 1 + len(
        found.alternatives
    )
    (greedy,) = decoder.generate(sequence(6), {}, alternatives=99, num_beams=1, max_new_tokens=4)
    assert greedy.alternatives == ()


def letters() -> CTCDecoder:
    file = Path("train.tsv")
    rows = Manifest(file, ("letters",), (Row({"letters": "AB"}, file, 2),), "")
    torch.manual_seed(0)
    config = CTCDecoderConfig(target="letters", units="char")
    return CTCDecoder(config, Context(inputs=TensorType("b t d", {"d": 5}), train=rows)).eval()


def test_ctc_tells_the_likeliest_of_all_texts():
    decoder = letters()
    steps = Sequence.pad([torch.randn(4, 5), torch.randn(2, 5)], [25.0, 25.0])
    found = decoder.generate(steps, {}, num_beams=400, alternatives=3)
    for sample, length in enumerate((4, 2)):
        odds = (steps.values[sample] @ decoder.head.weight.T + decoder.head.bias).softmax(-1)
        odds = odds.tolist()
        texts: dict[tuple[int, ...], float] = defaultdict(float)
        for path in product(range(4), repeat=length):
            texts[tuple(collapse(path))] += math.prod(odds[t][c] for t, c in enumerate(path))
        best = sorted(texts, key=texts.__getitem__, reverse=True)[:4]
        said = [found[sample], *found[sample].alternatives]
        kept = dict.fromkeys("".join("AB"[one - 2] for one in text if one > 1) for text in best)
        assert [one.text for one in said] == [*kept]
        assert said[0].probability == pytest.approx(texts[best[0]], rel=1e-5)
    (alone,) = decoder.generate(Sequence.pad([torch.randn(4, 5)], [25.0]), {}, alternatives=3)
    assert alone.alternatives == ()  # its one beam


def test_a_cascade_tells_other_texts_for_the_same_glosses():
    file = Path("train.tsv")
    told = ({"gloss": "WIND WEST", "text": "der wind weht"}, {"gloss": "TAG", "text": "am tag"})
    rows = tuple(Row(fields, file, line) for line, fields in enumerate(told, 2))
    context = Context(path="decoder", train=Manifest(file, ("gloss", "text"), rows, ""))
    sizes = {"dim": 16, "layers": 1, "heads": 2, "ffn": 24, "init_std": 0.3}
    then = Seq2SeqConfig(scratch=Scratch(**sizes), generation=Generation(4, 5))
    torch.manual_seed(0)
    first = Inner(tiny_reader.SPEC, tiny_reader.ReaderConfig(), "tiny-reader")
    cascade = Cascade(CascadeConfig(first, Inner(SEQ2SEQ, then, "seq2seq")), context).eval()
    steps = Sequence.pad([torch.randn(6, 16)], [25.0])
    (found,) = cascade.generate(steps, {}, alternatives=3)
    (glosses,) = cascade.first.transcribe(steps)
    count = len(glosses.text.split())
    assert glosses.text and found.alternatives
    for one in (found, *found.alternatives):
        whole = glosses.probability * one.probability
        assert one.confidence == pytest.approx(whole ** (1 / (count + len(one.tokens))), rel=1e-5)
        assert one.transcripts == {"decoder.first": glosses.text}
