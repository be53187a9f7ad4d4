"""Where a decoder looks, against attention written out; and its section of the report."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from slp_llm.decoders.seq2seq.attention import cross_attention
from slp_llm.decoders.seq2seq.model import Seq2Seq
from slp_llm.decoders.seq2seq.spec import Seq2SeqConfig
from slp_llm.hooks import slp_report
from slp_llm.report.attention import BOTTOM, FILE, LEFT, RIGHT, ROW, TOP, WIDTH

TEXTS = ["heute nacht .", "der wind weht schwach bis mäßig"]


def test_weights_are_the_softmax_written_out(scratch: Any, tokens_of: Any, sequence: Any) -> None:
    """softmax(Q K^T / sqrt(d)) of every layer's projections, as they are seen passing by."""
    decoder = scratch(encoder_prompt="am tag", decoder_prompt="im süden")
    inputs, tokens = sequence(5), tokens_of(decoder, {"text": TEXTS[0]})
    passing: list[torch.Tensor] = []
    layers = decoder.model.get_decoder().layers
    hooks = [
        projection.register_forward_hook(lambda _, __, output: passing.append(output))
        for layer in layers
        for projection in (layer.encoder_attn.q_proj, layer.encoder_attn.k_proj)
    ]
    (found,) = cross_attention(decoder, inputs, tokens)
    for hook in hooks:
        hook.remove()
    seen = []
    for queries, keys in zip(passing[::2], passing[1::2], strict=True):
        for q, k in zip(queries[0].split(8, -1), keys[0].split(8, -1), strict=True):  # two heads
            seen.append((q @ k.T / 8**0.5).softmax(-1))
    assert len(seen) == 4
    mean = torch.stack(seen).mean(0)  # (l, p + t + e)
    before, prompt = (len(decoder.tokenizer(one).input_ids) for one in ("am tag", "im süden"))
    torch.testing.assert_close(found.weights, mean[prompt:, before : before + 5])
    pieces = decoder.tokenizer(TEXTS[0]).input_ids
    assert len(found.pieces) == len(pieces) + 1 and found.pieces[-1] == "</s>"
    assert "".join(found.pieces[:-1]) == TEXTS[0].replace(" ", "")


@pytest.mark.parametrize("family", ["t5", "m2m100", "mbart50"])
def test_a_batch_is_its_samples(
    checkpoint: Any, tokens_of: Any, sequence: Any, family: str
) -> None:
    """And each sample what the checkpoint says of it alone, without any padding."""
    tag = {"m2m100": "de", "mbart50": "de_DE"}.get(family)
    folder = checkpoint(family)
    config = Seq2SeqConfig(model=folder, source_language=tag, target_language=tag)
    decoder = Seq2Seq(config).eval()
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    together = tokens_of(decoder, *({"text": text} for text in TEXTS))
    before = decoder(sequence(4, 7), together)
    found = cross_attention(decoder, sequence(4, 7), together)
    for text, length, seen in zip(TEXTS, (4, 7), found, strict=True):
        inputs, tokens = sequence(length), tokens_of(decoder, {"text": text})
        (alone,) = cross_attention(decoder, inputs, tokens)
        torch.testing.assert_close(seen.weights, alone.weights, rtol=1e-4, atol=1e-5)
        assert seen.pieces == alone.pieces
        merged, _ = decoder.merge(inputs, tokens)
        labels = tokens["labels"].ids
        start = torch.full((1, 1), decoder.frame.start)
        with torch.no_grad():
            attended = model(
                inputs_embeds=merged,
                decoder_input_ids=torch.cat([start, labels[:, :-1]], 1),
                output_attentions=True,
            ).cross_attentions
        mean = torch.cat(attended, 1).mean(1)[0]  # (l, p + t + e)
        said, tags = len(alone.pieces), len(decoder.frame.before)
        torch.testing.assert_close(
            alone.weights, mean[-said:, tags : tags + length], rtol=1e-4, atol=1e-5
        )
    assert torch.equal(decoder(sequence(4, 7), together), before)  # all is as it was


class Page(HTMLParser):
    """Fails on tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.text, self.lines = list[str](), "", list[str]()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)
        if tag == "polyline":
            self.lines.append(dict(attrs)["points"])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def write(run: Path, **changes: Any) -> None:
    facts = {
        "id": "a", "text": "rain <now>", "rate": 2.0, "pieces": ["rain", "now", "</s>"],
        "weights": [[0.8, 0.1, 0.0, 0.0], [0.0, 0.0, 0.1, 0.4], [0.1, 0.1, 0.1, 0.1]],
    }  # fmt: skip
    (run / "translate").mkdir(exist_ok=True)
    (run / "translate" / FILE).write_text(json.dumps({"samples": [{**facts, **changes}]}))


def test_lines_are_as_high_as_the_weights(tmp_path: Path) -> None:
    assert slp_report(run=tmp_path) == []
    write(tmp_path)
    ((title, html),) = slp_report(run=tmp_path)
    page = Page(html)
    assert title == "Where the decoder looks" and "rain <now>" in page.text
    heights = []
    for number, line in enumerate(page.lines):
        places = [tuple(map(float, one.split(","))) for one in line.split()]
        base = TOP + ROW * (number + 1)
        assert places[0][1] == places[-1][1] == base
        box = WIDTH - LEFT - RIGHT
        middles = [LEFT + box * (step + 0.5) / 4 for step in range(4)]
        assert [x for x, _ in places[1:-1]] == pytest.approx(middles, abs=0.06)
        heights.append([(base - y) / (ROW - 3) * 0.8 for _, y in places[1:-1]])
    weights = [[0.8, 0.1, 0.0, 0.0], [0.0, 0.0, 0.1, 0.4], [0.1, 0.1, 0.1, 0.1]]
    assert heights == [pytest.approx(row, abs=0.01) for row in weights]
    titles = re.findall(r"<title>(\w+): highest at (\S+) s</title>", html)
    assert titles == [("rain", "0.2"), ("now", "1.8")]
    assert "to the clip 60 %" in page.text and "A full line is 0.80" in page.text
    assert f'viewBox="0 0 {WIDTH} {TOP + 3 * ROW + BOTTOM}"' in html


def test_without_a_clock_steps_are_counted(tmp_path: Path) -> None:
    write(tmp_path, rate=None)
    ((_, html),) = slp_report(run=tmp_path)
    assert "now: highest at step 4" in html and "4 steps" in html
