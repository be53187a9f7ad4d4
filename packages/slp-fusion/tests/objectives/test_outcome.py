"""What alignment came to, against numpy on a pipeline that gives what it is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from slp_core.batch import Batch, Sample, Tokens
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.recipe import ObjectiveUse, Stage, Use
from slp_core.sequence import Sequence
from slp_core.signals import Signal
from slp_fusion.hooks import slp_after_stage, slp_before_stage
from slp_fusion.objectives.outcome import aligned_part, outcome

WIDTH = 3
VOCABULARY = ["rain", "sun", "wind", "snow", "the"]
SENTENCES = ["the sun", "wind", "the rain the snow", "sun", "snow"]
STEPS = [4, 1, 6, 2, 3]


class Dictionary:
    """A word for each of the rows of a table; the end is the last row."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.table = torch.randn(len(VOCABULARY) + 1, WIDTH, generator=generator)
        self.table.requires_grad_()

    def text_embeddings(self, tokens: dict[str, Tokens]) -> Sequence:
        labels = tokens["labels"]
        values = self.table[labels.ids].masked_fill(~labels.mask[..., None], torch.nan)
        return Sequence(values, labels.mask, values.new_full((len(values),), torch.nan))

    def nearest_words(self, steps: Tensor) -> list[str]:
        return [VOCABULARY[n] for n in torch.cdist(steps, self.table[:-1]).argmin(1).tolist()]


class Given:
    """A pipeline that gives the decoder what it reads, and a part ``elsewhere`` its opposite."""

    device = torch.device("cpu")
    recipe = SimpleNamespace(data=SimpleNamespace(target="text"))

    def __init__(self) -> None:
        self.decoder: Any = Dictionary()

    def __call__(self, batch: Batch) -> Trace:
        signs = batch.signals["signs"]
        return Trace({"elsewhere": signs.with_values(-signs.values)}, signs)


def samples() -> list[Sample]:
    rng = np.random.default_rng(0)
    found = []
    for number, (text, steps) in enumerate(zip(SENTENCES, STEPS, strict=True)):
        signal = Signal(rng.standard_normal((steps, WIDTH), dtype=np.float32), 25.0)
        ids = [*(VOCABULARY.index(word) for word in text.split()), len(VOCABULARY)]
        row = Row({"id": f"clip-{number}", "text": text}, Path("rows.tsv"), number + 2)
        found.append(Sample(row, {"signs": signal}, {"decoder.labels": ids}))
    return found


def stage(*names: str, on: str = "decoder") -> Stage:
    uses = [ObjectiveUse(Use(name), on=on) for name in names]
    return Stage("align", train=["mapper"], objectives=uses, epochs=1.0)


def by_hand(pipeline: Given) -> np.ndarray:
    """Cosines of means, pair by pair."""
    table = pipeline.decoder.table.detach().numpy()
    found = []
    for clip in samples():
        mean = clip.signals["signs"].values.mean(0)
        row = []
        for text in samples():
            other = table[text.tokens["decoder.labels"]].mean(0)
            row.append(mean @ other / math.sqrt(mean @ mean) / math.sqrt(other @ other))
        found.append(row)
    return np.array(found)


def test_likeness_is_the_cosine_of_means() -> None:
    pipeline: Any = Given()
    told = outcome("decoder", pipeline, samples())
    assert np.allclose(told["similarities"], by_hand(pipeline), atol=2e-6)
    other = outcome("elsewhere", pipeline, samples())
    assert np.allclose(other["similarities"], -by_hand(pipeline), atol=2e-6)
    assert [one["text"] for one in told["samples"]] == SENTENCES
    assert json.loads(json.dumps(told)) == told


def test_the_first_samples_are_spelt() -> None:
    pipeline: Any = Given()
    told = outcome("decoder", pipeline, samples())["samples"]
    assert ["nearest" in one for one in told] == [True] * 4 + [False]
    table = pipeline.decoder.table.detach().numpy()[:-1]
    for one, sample in zip(told[:4], samples(), strict=False):
        steps = sample.signals["signs"].values
        far = [[np.linalg.norm(step - word) for word in table] for step in steps]
        assert one["nearest"] == [VOCABULARY[int(np.argmin(row))] for row in far]
        assert one["pieces"] == one["text"].split()  # the end is no word


def test_a_decoder_without_words_can_be_aligned_with() -> None:
    def refuse(steps: Tensor) -> list[str]:
        raise UserError("no words")

    pipeline: Any = Given()
    pipeline.decoder.nearest_words = refuse
    told = outcome("decoder", pipeline, samples())
    assert len(told["similarities"]) == 5 and told["samples"][0].keys() == {"id", "text"}


@pytest.mark.parametrize(
    ("names", "aligned"),
    [
        (("cross-entropy", "contrastive"), ("mapper", "embeddings")),
        (("slp-fusion:mmd",), ("mapper", "embeddings")),
        (("cross-entropy",), None),
        (("other-package:contrastive",), None),
    ],
)
def test_stages_that_align(names: tuple[str, ...], aligned: tuple[str, str] | None) -> None:
    assert aligned_part(stage(*names, on="mapper")) == aligned


def test_what_the_encoder_makes_of_both_is_looked_at() -> None:
    pipeline: Any = Given()
    embedded = pipeline.decoder.text_embeddings

    def encoded(inputs: Sequence, tokens: dict[str, Tokens]) -> tuple[Sequence, Sequence]:
        return inputs.with_values(-inputs.values), embedded(tokens)

    pipeline.decoder.encoded = encoded
    use = Use("contrastive", {"through": "encoder"})
    on, through = aligned_part(
        Stage("align", train=["mapper"], objectives=[ObjectiveUse(use)], epochs=1.0)
    ) or ("", "")
    assert (on, through) == ("decoder", "encoder")
    told = outcome(on, pipeline, samples(), "encoder")
    assert np.allclose(told["similarities"], -by_hand(pipeline), atol=2e-6)
    assert not any("nearest" in one for one in told["samples"])


def test_a_stage_leaves_what_it_was_before_and_after(tmp_path: Path) -> None:
    pipeline: Any = Given()
    shown = {"pipeline": pipeline, "samples": samples(), "folder": tmp_path}
    slp_before_stage(stage=stage("cross-entropy"), **shown)
    assert not any(tmp_path.iterdir())
    slp_before_stage(stage=stage("contrastive"), **shown)
    with torch.no_grad():
        pipeline.decoder.table.neg_()
    slp_after_stage(stage=stage("contrastive"), **shown)
    before, after = (
        json.loads((tmp_path / f"alignment.{when}.json").read_text())
        for when in ("before", "after")
    )
    assert np.allclose(before["similarities"], -np.array(after["similarities"]), atol=2e-6)
    assert before["samples"][1]["pieces"] == after["samples"][1]["pieces"] == ["wind"]
