"""The loss of SignLLM's VQ-Sign."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from slp_core.batch import Batch
from slp_core.errors import UserError
from slp_core.parts import Objective
from slp_core.sequence import Sequence, scattered
from slp_encoders.objectives.context_prediction.spec import ContextPredictionConfig
from slp_encoders.tokenizers.vq_sign.model import VQSign

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace


class ContextPrediction(Objective):
    """L_VQ of SignLLM (Gong et al., arXiv:2404.00925, section 3.2), a clip of T steps being

    (1 / T) [ - sum_k sum_t ( log s(z_{t+k} . h_k(c_t)) + lambda mean_n log s(-n . h_k(c_t)) )
              + sum_t ( alpha |sg(z_t) - e_t|^2 + gamma |z_t - sg(e_t)|^2 ) / d ]

    with the steps z before and e after quantisation, c_t = g(e_1 .. e_t), the logistic function s
    and other steps n. SignLLM's code is not public. Chosen here: the mean over a clip's steps, so
    that a long clip counts as a short one; squared norms as in arXiv:1711.00937, and their mean
    over the d channels; n drawn as in wav2vec (arXiv:1904.05862), from the same clip unless told
    otherwise, never the true step itself, and in evaluation always alike. Steps of other clips
    are told by who signs; steps of the same clip by what is signed.
    """

    config: ContextPredictionConfig

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on,)

    def count(self, batch: Batch) -> int:
        """The number of clips."""
        return len(batch)

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        path = self._path(pipeline)
        tokenizer, quantised, mask = pipeline.part(path), trace[path], trace[path].mask
        values = trace[_before(pipeline, path)].values.float()
        steps = values.masked_fill(~mask[..., None], 0)  # (b, t, d)
        codes = tokenizer.codebook(quantised.codes).float()
        share = mask / quantised.lengths[:, None]  # (b, t): 1 / T at the steps of a clip
        return self._prediction(tokenizer, steps, quantised, share) + (
            self.config.codebook * (share * (steps.detach() - codes).square().mean(-1)).sum()
            + self.config.commitment * (share * (steps - codes.detach()).square().mean(-1)).sum()
        )

    def _prediction(
        self, tokenizer: VQSign, steps: Tensor, quantised: Sequence, share: Tensor
    ) -> Tensor:
        mask = quantised.mask
        past = tokenizer.past(quantised.values)[0]  # (b, t, d)
        drawn = steps[mask][self._draw(quantised.lengths)]
        others = scattered(drawn, mask)  # (b, t, negatives, d)
        loss = steps.new_zeros(())
        for k, ahead in enumerate(tokenizer.ahead, start=1):
            pairs = mask[:, k:]  # (b, t - k), by where the later step stands
            guess = ahead(past[:, :-k])[pairs].float()  # (m, d)
            right = (steps[:, k:][pairs] * guess).sum(-1)  # (m)
            wrong = (others[:, k:][pairs] @ guess[..., None]).squeeze(-1)  # (m, n)
            gain = F.logsigmoid(right) + self.config.negatives_weight * F.logsigmoid(-wrong).mean(1)
            loss = loss - (share[:, k:][pairs] * gain).sum()
        return loss

    def _draw(self, lengths: Tensor) -> Tensor:
        """``n negatives``: for each of all valid steps, the numbers of others."""
        own = torch.arange(int(lengths.sum()), device=lengths.device)[:, None]  # (n, 1)
        first, among = torch.zeros_like(own), torch.full_like(own, len(own))
        if self.config.negatives_from == "clip":
            first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)[:, None]
            among = lengths.repeat_interleave(lengths)[:, None]
        alike = None if self.training else torch.Generator(lengths.device).manual_seed(0)
        drawn = torch.rand(len(own), self.config.negatives, generator=alike, device=lengths.device)
        number = first + (drawn * (among - 1)).long()
        # A lone step has no other; it is never predicted either.
        return (number + (number >= own)).clamp(max=len(own) - 1)

    def _path(self, pipeline: Pipeline) -> str:
        """The tokenizer looked at: ``on``, or the only one."""
        found = [path for path in pipeline.parts if isinstance(pipeline.part(path), VQSign)]
        if self.on == "decoder" and len(found) == 1:
            return found[0]
        if self.on not in found:
            raise UserError(
                f'context-prediction: on = "{self.on}" is no vq-sign tokenizer; '
                f"of those, this pipeline has {', '.join(found) or 'none'}"
            )
        return self.on


def _before(pipeline: Pipeline, path: str) -> str:
    """The part whose steps the tokenizer at ``path`` reads: of its stream, or of those it
    branches off.

    Raises:
        UserError: it reads a signal as it is.
    """
    name: str | None = path.split(".")[1]
    kinds = ["encoder"]
    while name is not None:
        for kind in kinds:
            if (before := f"streams.{name}.{kind}") in pipeline.parts:
                return before
        name, kinds = pipeline.recipe.streams[name].from_, ["mapper", "tokenizer", "encoder"]
    raise UserError(f"context-prediction: {path} stands behind no encoder")
