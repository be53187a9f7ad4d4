"""The decoder that reads by CTC: against all alignments, padding, and its files."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.ctc import collapse
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row, read_manifest, write_manifest
from slp_core.sequence import Sequence, lengths_to_mask
from slp_core.tensortype import TEXT, TensorType, TypeMismatch
from slp_llm.decoders.ctc.model import CTCDecoder
from slp_llm.decoders.ctc.spec import SPEC, CTCDecoderConfig

WIDTH = 5
INPUTS = TensorType("b t d", {"d": WIDTH})


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    file = tmp_path_factory.mktemp("rows") / "train.tsv"
    write_manifest(file, ["text", "letters"], [["so ist es", "AB"], ["es ist so", "BA"]])
    return read_manifest(file)


def built(rows: Manifest, **keys) -> CTCDecoder:
    torch.manual_seed(0)
    config = CTCDecoderConfig(**{"target": "letters", "units": "char", **keys})
    decoder = CTCDecoder(config, Context(inputs=INPUTS, train=rows))
    with torch.no_grad():
        decoder.head.weight.mul_(6)  # as if it were sure
    return decoder.eval()


def batch(*lengths: int) -> Sequence:
    torch.manual_seed(sum(lengths))
    return Sequence.pad([torch.randn(n, WIDTH) for n in lengths], [25.0] * len(lengths))


def test_classes_are_those_of_the_training_rows(rows: Manifest) -> None:
    assert built(rows).units.known == ("A", "B")
    decoder = built(rows, target=None, units="word")
    assert decoder.column == "text" and decoder.units.known == ("es", "ist", "so")
    assert decoder.encode(Row({}, Path("new.tsv"), 2), "so was") == {"labels": [4, 1]}
    assert decoder.encode(Row({}, Path("new.tsv"), 2), None) == {}
    assert decoder.sizes() == {"d": WIDTH}
    assert sum(p.numel() for p in decoder.subparts()["head"]) == (WIDTH + 1) * 5


@pytest.mark.parametrize("beams", [1, 400])
def test_a_translation_against_all_alignments(rows: Manifest, beams: int) -> None:
    decoder, steps = built(rows, beams=beams), batch(4)
    logits = steps.values[0] @ decoder.head.weight.T + decoder.head.bias
    probabilities = (logits.exp() / logits.exp().sum(1, keepdim=True)).tolist()
    texts: dict[tuple[int, ...], float] = defaultdict(float)
    paths = {}
    for path in product(range(4), repeat=4):
        paths[path] = math.prod(step[one] for step, one in zip(probabilities, path, strict=True))
        texts[tuple(collapse(path))] += paths[path]
    said = tuple(collapse(max(paths, key=paths.__getitem__)))
    if beams > 1:
        said = max(texts, key=texts.__getitem__)
    (found,) = decoder.generate(steps, {})
    assert found.text == "".join("AB"[one - 2] for one in said if one > 1)
    assert found.transcripts == {"decoder": found.text}
    assert len(found.tokens) == len(said) + 1 and found.tokens[-1][0] == ""
    product_of_tokens = math.prod(worth for _, worth in found.tokens)
    assert product_of_tokens == pytest.approx(texts[said], rel=1e-5)
    assert found.confidence == pytest.approx(texts[said] ** (1 / (len(said) + 1)), rel=1e-5)
    (read,) = decoder.transcribe(steps)
    assert read.text == found.text and read.probability == pytest.approx(texts[said], rel=1e-5)


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    extra=st.integers(0, 5),
    beams=st.integers(1, 3),
)
def test_padding_is_not_read(rows: Manifest, lengths: list[int], extra: int, beams: int) -> None:
    decoder, steps = built(rows), batch(*lengths)
    values = torch.nn.functional.pad(steps.values, (0, 0, 0, extra))
    mask = lengths_to_mask(steps.lengths, values.shape[1])
    dirty = Sequence(values.masked_fill(~mask[..., None], math.nan), mask, steps.rate)
    together = decoder.generate(dirty, {}, num_beams=beams)
    for number, found in enumerate(together):
        one = Sequence.pad([steps.values[number, : lengths[number]]], [25.0])
        (alone,) = decoder.generate(one, {}, num_beams=beams)
        assert found.text == alone.text
        assert found.confidence == pytest.approx(alone.confidence, rel=1e-4)
    loss = decoder.log_probs(dirty)[mask].sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in decoder.parameters())


def test_more_beams_than_the_configuration_says(rows: Manifest) -> None:
    """Blank is likeliest at either step, "A" over both."""
    decoder, steps = built(rows, dim=WIDTH), batch(2)
    with torch.no_grad():
        decoder.head.weight.zero_()
        decoder.head.bias.copy_(torch.tensor([0.6, 1e-9, 0.4, 1e-9]).log())
    assert decoder.generate(steps, {})[0].text == ""
    assert decoder.generate(steps, {}, num_beams=4)[0].text == "A"


def test_it_is_opened_again_without_rows(rows: Manifest, tmp_path: Path) -> None:
    decoder = built(rows, beams=3)
    decoder.save_assets(tmp_path)
    again = CTCDecoder(decoder.config, Context(inputs=INPUTS, assets=tmp_path)).eval()
    again.load_state_dict(decoder.state_dict())
    assert again.generate(batch(9), {}) == decoder.generate(batch(9), {})


def test_signature() -> None:
    assert SPEC.signature is not None
    assert SPEC.signature(CTCDecoderConfig(), INPUTS) is TEXT
    assert SPEC.signature(CTCDecoderConfig(dim=WIDTH), TensorType("b t d")) is TEXT
    with pytest.raises(TypeMismatch, match="gives d = 5 .*d = 4 is needed"):
        SPEC.signature(CTCDecoderConfig(dim=4), INPUTS)
    with pytest.raises(TypeMismatch, match="b t d"):
        SPEC.signature(CTCDecoderConfig(), TensorType("b t c h w"))


def test_what_it_cannot_do_is_told(rows: Manifest) -> None:
    decoder = built(rows)
    with pytest.raises(UserError, match='train it with objectives = .{ use = "ctc" }'):
        decoder(batch(3), {})
    with pytest.raises(UserError, match="max_new_tokens: .* num_beams alone"):
        decoder.generate(batch(3), {}, max_new_tokens=4)
    for beams in (0, 2.0, True):
        with pytest.raises(UserError, match=f"num_beams is {beams}, 1 or more"):
            decoder.generate(batch(3), {}, num_beams=beams)
    with pytest.raises(UserError, match="`dim` is needed"):
        CTCDecoder(CTCDecoderConfig(), Context(train=rows))
    with pytest.raises(UserError, match="fixed by nothing"):
        CTCDecoder(CTCDecoderConfig(), Context(train=rows, inputs=TensorType("b t d")))
    with pytest.raises(UserError, match="learnt from the training rows, and there are none yet"):
        CTCDecoder(CTCDecoderConfig(dim=4))
