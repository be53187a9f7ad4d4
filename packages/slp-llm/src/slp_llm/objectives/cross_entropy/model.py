"""Cross-entropy of the reference text with label smoothing."""

from __future__ import annotations

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
    """

    config: CrossEntropyConfig

    def count(self, batch: Batch) -> int:
        """The number of tokens scored."""
        return int(self._scored(batch.tokens_of(self.on)).sum())

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        tokens = batch.tokens_of(self.on)
        logits = pipeline.decoder(trace.last, tokens)  # (b, l, v)
        labels = tokens["labels"].ids.masked_fill(~self._scored(tokens), -100)  # (b, l)
        return F.cross_entropy(
            logits.flatten(0, 1).float(),
            labels.flatten(),
            reduction="sum",
            label_smoothing=self.config.label_smoothing,
        )

    def _scored(self, tokens: dict[str, Tokens]) -> Tensor:
        """``b l``: which labels count; not the padding, nor the prompt that is given."""
        mask = tokens["labels"].mask
        if self.config.prompt_loss or "decoder_prompt" not in tokens:  # given before the signs
            return mask
        given = tokens["decoder_prompt"].mask.sum(1, keepdim=True)  # (b, 1)
        return mask & (torch.arange(mask.shape[1], device=mask.device) >= given)
