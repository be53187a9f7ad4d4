"""Batch normalisation that does not see the padding."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from slp_core.sequence import Sequence


class MaskedBatchNorm(nn.BatchNorm1d):
    """Each channel of ``b t d`` by its mean and deviation over the valid steps of a batch, and
    over those of the training data in evaluation (arXiv:1502.03167); zeros in the padding.

    One step alone has no deviation: it is normalised as in evaluation, in training too.
    """

    def forward(self, inputs: Sequence) -> Sequence:  # type: ignore[override]
        steps = inputs.steps  # (n, d)
        if self.training and len(steps) == 1:
            mean, var = self.running_mean, self.running_var
            return inputs.with_steps(F.batch_norm(steps, mean, var, self.weight, self.bias))
        return inputs.with_steps(super().forward(steps))
