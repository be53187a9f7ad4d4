"""The sign-text alignment of SignLLM: maximum mean discrepancy."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from slp_core.batch import Batch
from slp_core.parts import Objective
from slp_fusion.objectives.alignment import signs_and_texts
from slp_fusion.objectives.mmd.spec import MMDConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace


class MMD(Objective):
    """L_MMD of SignLLM (arXiv:2404.00925): of the steps s of a batch and the input
    embeddings t of its texts' tokens,

    MMD^2 = mean k(s, s') + mean k(t, t') - 2 mean k(s, t),
    k(x, y) = sum_w exp( - |x - y|^2 / (2 (w sigma)^2) )

    (Gretton et al., JMLR 13, 2012, equation 5, biased), in float32 under autocast too. SignLLM's
    code is not public and its kernel unknown. Chosen here: several widths around sigma, the median
    distance between any two of all points (same paper, section 8), through which no gradient
    flows; the tokens of the batch's own texts, which are the target: no gradient moves them.
    The loss is MMD^2 times the number of samples, so that the trainer's mean over samples is MMD^2.
    """

    config: MMDConfig

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on,)

    def count(self, batch: Batch) -> int:
        """The number of samples."""
        return len(batch)

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        signs, texts = signs_and_texts(self.on, pipeline, trace, batch)
        with torch.autocast(signs.values.device.type, enabled=False):
            ours, theirs = self._some(signs.steps), self._some(texts.steps.detach())
            return len(batch) * self._squared(ours.float(), theirs.float())

    def _squared(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """MMD^2 of ``n d`` and ``m d``."""
        pairs = [
            squared_distances(*two) for two in ((ours, ours), (theirs, theirs), (ours, theirs))
        ]
        variance = self._variance(*(one.detach() for one in pairs))
        inner, outer, across = (self._kernel(one / variance).mean() for one in pairs)
        return inner + outer - 2 * across

    def _kernel(self, distances: Tensor) -> Tensor:
        """k of squared distances, in units of sigma squared."""
        kernel = torch.zeros_like(distances)
        for width in self.config.widths:
            kernel = kernel + torch.exp(-distances / (2 * width**2))
        return kernel

    def _variance(self, inner: Tensor, outer: Tensor, across: Tensor) -> Tensor:
        """sigma squared, of squared distances ``n n``, ``m m`` and ``n m``; above 0."""
        if self.config.sigma is not None:
            return across.new_tensor(self.config.sigma**2)
        once = [one[torch.ones_like(one, dtype=torch.bool).triu(1)] for one in (inner, outer)]
        median = torch.cat([*once, across.flatten()]).median()
        return median.clamp(min=torch.finfo(median.dtype).eps)  # points may coincide

    def _some(self, points: Tensor) -> Tensor:
        """At most ``max_tokens`` of ``n d``."""
        count, most = len(points), self.config.max_tokens
        if count <= most:
            return points
        if self.training:
            return points[torch.randperm(count, device=points.device)[:most]]
        return points[torch.arange(most, device=points.device) * count // most]


def squared_distances(ones: Tensor, others: Tensor) -> Tensor:
    """``n d`` and ``m d`` to ``n m``; seen from their mean, so that little cancels out."""
    centre = torch.cat([ones, others]).mean(0).detach()
    ones, others = ones - centre, others - centre
    norms = ones.square().sum(1)[:, None] + others.square().sum(1)  # (n, m)
    return (norms - 2 * ones @ others.T).clamp(min=0)
