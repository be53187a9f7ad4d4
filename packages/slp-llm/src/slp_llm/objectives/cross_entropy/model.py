"""Cross-entropy of the reference text with label smoothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from slp_core.batch import Batch, Tokens
from slp_core.parts import Objective
from slp_llm.objectives.cross_entropy.spec import CrossEntropyConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace


class CrossEntropy(Objective):
    """-sum_k q(k) log p(k) over the tokens of the text and its end, with
    q(k) = (1 - epsilon) [k = label] + epsilon / v (Szegedy et al., arXiv:1512.00567, section 7).

    With ``r_drop`` = alpha the decoder is run twice in training, and two draws of its dropout are
    drawn together: (CE_1 + CE_2) / 2 + alpha / 4 (KL(p_1 | p_2) + KL(p_2 | p_1)), half of what
    R-Drop sums (arXiv:2106.14448, equation 4).
    """

    config: CrossEntropyConfig

    def count(self, batch: Batch) -> int:
        """The number of tokens scored."""
        return int(self._scored(batch.tokens_of("decoder")).sum())

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        """What goes into the decoder, if it learns from signs."""
        return ("decoder",) if pipeline.decoder.reads_signs else ()

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        tokens = batch.tokens_of("decoder")
        scored = self._scored(tokens)  # (b, l)
        labels = tokens["labels"].ids[scored]  # (n)
        draws = 2 if self.config.r_drop and self.training else 1
        logits = [pipeline.decoder(trace.last, tokens)[scored].float() for _ in range(draws)]
        losses = [
            F.cross_entropy(
                each, labels, reduction="sum", label_smoothing=self.config.label_smoothing
            )
            for each in logits  # (n, v)
        ]
        if draws == 1:
            return losses[0]
        return sum(losses) / 2 + self.config.r_drop / 4 * _divergence(*logits)

    def _scored(self, tokens: dict[str, Tokens]) -> Tensor:
        """``b l``: which labels count; not the padding, nor the prompt that is given."""
        mask = tokens["labels"].mask
        if self.config.prompt_loss or "decoder_prompt" not in tokens:  # given before the signs
            return mask
        given = tokens["decoder_prompt"].mask.sum(1, keepdim=True)  # (b, 1)
        return mask & (torch.arange(mask.shape[1], device=mask.device) >= given)


def _divergence(first: Tensor, second: Tensor) -> Tensor:
    """KL(p | q) + KL(q | p) of two distributions, as logits ``n v``, summed over ``n``."""
    p, q = first.log_softmax(-1), second.log_softmax(-1)
    return ((p.exp() - q.exp()) * (p - q)).sum()
