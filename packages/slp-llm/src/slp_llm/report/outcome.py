"""What a trained decoder attends to in some samples, as it is written beside a stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from slp_core.batch import Sample, collate
from slp_llm.decoders.seq2seq.attention import cross_attention
from slp_llm.decoders.seq2seq.model import Seq2Seq

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

_SAMPLES = 6


@torch.no_grad()
def outcome(pipeline: Pipeline, samples: list[Sample]) -> dict[str, Any]:
    """``samples``, six at most: ``id`` and ``text``, ``rate`` in Hz (None: no clock), ``pieces``
    and ``weights`` ``l t``. Empty where the decoder is no ``seq2seq`` that shows its attention.

    The pipeline is in evaluation mode. Clips pass one by one.
    """
    chosen = samples[:: max(1, -(-len(samples) // _SAMPLES))]
    told = [facts for sample in chosen for facts in _facts(pipeline, sample)]
    return {"samples": told} if told else {}


def _facts(pipeline: Pipeline, sample: Sample) -> Iterator[dict[str, Any]]:
    batch = collate([sample]).to(pipeline.device)
    tokens = batch.tokens_of("decoder")
    if not isinstance(pipeline.decoder, Seq2Seq) or "labels" not in tokens:
        return
    inputs = pipeline(batch, ["decoder"]).last
    for seen in cross_attention(pipeline.decoder, inputs, tokens):
        yield {
            "id": sample.row.id,
            "text": sample.row.get(pipeline.recipe.data.target),
            "rate": None if bool(inputs.rate.isnan()) else float(inputs.rate),
            "pieces": seen.pieces,
            "weights": [[round(one, 4) for one in row] for row in seen.weights.tolist()],
        }
