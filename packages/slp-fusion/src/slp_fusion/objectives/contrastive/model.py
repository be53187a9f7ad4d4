"""InfoNCE both ways between clips and their texts: VT-Align of SpaMo, the pre-training of MMSLT."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from slp_core.batch import Batch, Tokens
from slp_core.context import Context
from slp_core.parts import Objective
from slp_core.sequence import Sequence
from slp_fusion.objectives.alignment import signs_and_texts
from slp_fusion.objectives.contrastive.spec import ContrastiveConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace


class Contrastive(Objective):
    """L_vt of SpaMo (arXiv:2408.10593, section 3.4), the loss of CLIP (arXiv:2103.00020), summed
    over the samples i of a batch:

    - 1/2 sum_i ( log softmax_j(s v_i . t_j)_i + log softmax_j(s t_i . v_j)_i )

    with v the mean of a clip's steps and t that of its text's input embeddings in the language
    model, both of norm 1, and s = exp(logit_scale), one over the temperature; in float32 under
    autocast too. A batch of one sample has loss 0. MMSLT (arXiv:2411.16789, section 3.3) compares
    means of what mBART's encoder gives, of signs with and of text without its low-rank update:
    ``through = "encoder"``.

    SpaMo takes two clips of one sentence for negatives of each other, though nothing can tell
    their texts apart: their loss cannot fall below log 2, and the temperature rises to meet it.
    Unless ``ignore_duplicates`` is off, such pairs are left out of the sums over j instead.
    """

    config: ContrastiveConfig

    def __init__(self, config: ContrastiveConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        scale = torch.tensor(-math.log(config.temperature))
        self.logit_scale = nn.Parameter(scale, requires_grad=config.learn_temperature)
        self._retrieval: Tensor | None = None

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on,)

    def count(self, batch: Batch) -> int:
        """The number of samples."""
        return len(batch)

    def gauges(self) -> dict[str, float]:
        """``temperature``; ``retrieval``: the share of the last batch's clips whose own text is
        the nearest."""
        gauges = {"temperature": math.exp(-self.logit_scale.item())}
        return gauges if self._retrieval is None else gauges | {"retrieval": self._retrieval.item()}

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        through = self.config.through
        steps, tokens = signs_and_texts(self.on, pipeline, trace, batch, through)
        with torch.autocast(steps.values.device.type, enabled=False):
            clips, texts = self._pooled(steps), self._pooled(tokens)  # (b, d)
            sentences = _numbered(batch.tokens_of("decoder")["labels"]).to(clips.device)  # (b)
            return self._loss(clips, texts, sentences)

    def _pooled(self, steps: Sequence) -> Tensor:
        """``b t d`` to ``b d`` of norm 1: the direction of the mean."""
        values = steps.values.float()
        if not self.config.unmasked_mean:
            values = values.masked_fill(~steps.mask[..., None], 0)
        return F.normalize(values.sum(1), dim=-1)

    def _loss(self, clips: Tensor, texts: Tensor, sentences: Tensor) -> Tensor:
        first, everyones = 0, [clips, texts, sentences]  # (n, d), (n, d), (n)
        if self.config.gather and self.training and distributed.is_initialized():
            counts = _counts(clips)
            first = sum(counts[: distributed.get_rank()])
            everyones = [_Gather.apply(one, counts) for one in everyones]
        all_clips, all_texts, all_sentences = everyones
        own = first + torch.arange(len(clips), device=clips.device)  # (b): their places among all
        scale = self.logit_scale.exp()
        ours = scale * clips @ all_texts.T  # (b, n)
        theirs = scale * texts @ all_clips.T  # (b, n)
        if self.config.ignore_duplicates:
            same = sentences[:, None] == all_sentences
            same[own - first, own] = False
            ours, theirs = (logits.masked_fill(same, -math.inf) for logits in (ours, theirs))
        if self.training:
            self._retrieval = (ours.argmax(1) == own).float().mean()
        by_clip = F.cross_entropy(ours, own, reduction="sum")
        return (by_clip + F.cross_entropy(theirs, own, reduction="sum")) / 2


def _numbered(labels: Tokens) -> Tensor:
    """``b l`` to ``b`` int64: alike where the sentences are, in all processes."""
    rows = zip(labels.ids.tolist(), labels.mask.sum(1).tolist(), strict=True)
    return torch.tensor([hash(tuple(ids[:length])) for ids, length in rows])


def _counts(rows: Tensor) -> list[int]:
    """How many rows each process has."""
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device)
              for _ in range(distributed.get_world_size())]  # fmt: skip
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    return [int(count) for count in counts]


class _Gather(torch.autograd.Function):
    """``b ...`` of each process to ``n ...`` of all, and the gradients of all back to each.

    PyTorch's own differentiable ``all_gather`` is deprecated, and takes as many rows of every
    process.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        padded = rows.new_zeros(max(counts), *rows.shape[1:])
        padded[: len(rows)] = rows
        found = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(found, padded)
        return torch.cat([one[:count] for one, count in zip(found, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.split(ctx.counts)[distributed.get_rank()], None
