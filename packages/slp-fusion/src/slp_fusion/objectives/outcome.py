"""What alignment came to on some samples, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from slp_core.batch import Sample, collate
from slp_core.errors import UserError
from slp_fusion.objectives.alignment import Through, signs_and_texts

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage
    from slp_core.sequence import Sequence

OBJECTIVES = ("contrastive", "mmd")
SPELT = 4  # samples whose steps are told as words


def aligned_part(stage: Stage) -> tuple[str, Through] | None:
    """The part that a stage aligns with the text ("decoder": what it reads), and through what, if
    it does."""
    for use in stage.objectives:
        if use.part.name.removeprefix("slp-fusion:") in OBJECTIVES:
            return use.on, use.part.options.get("through", "embeddings")
    return None


@torch.no_grad()
def outcome(
    on: str, pipeline: Pipeline, samples: list[Sample], through: Through = "embeddings"
) -> dict[str, Any]:
    """``similarities``: ``b b``, the cosine of the mean step of each clip (a row) with the mean
    embedding of each text (a column). ``samples``: their ``id`` and ``text``; of the first ones
    also ``nearest``, the word nearest to each step, and ``pieces``, those of the text itself,
    unless they are compared ``through`` the encoder, which gives no words.

    The pipeline is in evaluation mode. Clips pass one by one: long ones need little memory.

    Raises:
        UserError: the part gives nothing that can be compared with the text.
    """
    clips, texts = list[torch.Tensor](), list[torch.Tensor]()
    told = list[dict[str, Any]]()
    for sample in samples:
        batch = collate([sample]).to(pipeline.device)
        ours, theirs = signs_and_texts(on, pipeline, pipeline(batch), batch, through)
        clips.append(_direction(ours))
        texts.append(_direction(theirs))
        facts = {"id": sample.row.id, "text": sample.row.get(pipeline.recipe.data.target)}
        words = through == "embeddings" and len(told) < SPELT
        spelt = _spelt(pipeline, ours, theirs) if words else {}
        told.append({**facts, **spelt})
    table = torch.stack(clips) @ torch.stack(texts).T  # (b, b)
    rounded = [[round(one, 6) for one in row] for row in table.tolist()]
    return {"on": on, "similarities": rounded, "samples": told}


def _direction(steps: Sequence) -> torch.Tensor:
    """``1 t d`` to ``d`` of norm 1: the direction of the mean."""
    return F.normalize(steps.steps.float().mean(0), dim=0).cpu()


def _spelt(pipeline: Pipeline, signs: Sequence, texts: Sequence) -> dict[str, list[str]]:
    """Steps as words; nothing of a decoder that embeds text but looks no words up."""
    try:
        nearest = pipeline.decoder.nearest_words(signs.steps)
        pieces = pipeline.decoder.nearest_words(texts.steps[:-1])  # without the end
    except UserError:
        return {}
    return {"nearest": nearest, "pieces": pieces}
