"""Steps that tell other steps."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from slp_core.batch import Batch
from slp_core.errors import UserError, did_you_mean
from slp_core.parts import Objective
from slp_core.sequence import Sequence, lengths_to_mask
from slp_fusion.objectives.regression.spec import RegressionConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace

APART = 8  #: steps of x that two lengths may differ by
LOSSES = {"squared": F.mse_loss, "absolute": F.l1_loss}


class Regression(Objective):
    """The mean over the d channels of ``(y - x)^2``, summed over the valid steps of a batch:
    steps x of the part ``on``, steps y of the part ``to``. No gradient reaches y. MMSLT
    (arXiv:2411.16789, section 3.3) takes the mean over the padding too.

    Where there are n steps y for every x, by their rates, x tells all n: its width is n times
    theirs, ``b (t n) d`` is read as ``b t (n d)``. What one of them is longer is left out: an
    encoder of windows has a few steps less than its clip. With ``over``, y is how much the steps of
    ``to`` change in so many, and the last of a clip, which tell no change, are left out.
    """

    config: RegressionConfig

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on, self.config.to)

    def count(self, batch: Batch) -> int:
        """The number of samples."""
        return len(batch)

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        """The mean over each sample's steps, summed over samples.

        Raises:
            UserError: a part gives nothing, or their rates, widths or lengths do not fit.
        """
        ours, whole = self._given(trace, self.on), self._given(trace, self.config.to)
        times = self._times(ours, whole)
        self._refuse_apart(ours.lengths * times, whole.lengths, times * APART, batch)
        theirs = whole if self.config.over is None else _changes(whole, self.config.over)
        steps = min(ours.values.shape[1], theirs.values.shape[1] // times)
        target = rearrange(theirs.values[:, : steps * times], "b (t n) d -> b t (n d)", n=times)
        if ours.values.shape[2] != target.shape[2]:
            raise UserError(
                f'regression: on = "{self.on}" gives {ours.values.shape[2]} numbers a step, '
                f'{target.shape[2]} are needed ({times} steps of to = "{self.config.to}")'
            )
        lengths = torch.minimum(ours.lengths, theirs.lengths // times)  # (b)
        valid = lengths_to_mask(lengths, steps)  # (b, t)
        share = (valid / lengths.clamp(min=1)[:, None])[valid]  # (n): of its clip
        pair = ours.values[:, :steps][valid].float(), target[valid].detach().float()  # (n, d)
        return (share * LOSSES[self.config.loss](*pair, reduction="none").mean(1)).sum()

    def _given(self, trace: Trace, path: str) -> Sequence:
        if path not in trace.outputs:
            hint = did_you_mean(path, trace.outputs)
            raise UserError(f'regression: "{path}" gives nothing{hint}')
        return trace[path]

    def _times(self, ours: Sequence, theirs: Sequence) -> int:
        """Steps of the target for each of ours."""
        ratio = theirs.rate / ours.rate
        mean = float(ratio.nanmean())
        times = 1 if math.isnan(mean) else round(mean)
        if times < 1 or (ratio - times).abs().nan_to_num().max() > 0.02 * times:
            raise UserError(
                f'regression: to = "{self.config.to}" has {theirs.rate[0]:g} steps a second and '
                f'on = "{self.on}" {ours.rate[0]:g}; a whole number of times as many is needed'
            )
        return times

    def _refuse_apart(self, ours: Tensor, theirs: Tensor, most: int, batch: Batch) -> None:
        for row, one, other in zip(batch.rows, ours.tolist(), theirs.tolist(), strict=True):
            if abs(one - other) > most:
                raise UserError(
                    f'{row.where}: regression: to = "{self.config.to}" has {other} steps, '
                    f'on = "{self.on}" tells of {one}; are they of the same clip?'
                )


def _changes(steps: Sequence, over: int) -> Sequence:
    """``b t d`` to ``b (t - over) d``: how much each step's numbers change in ``over`` steps."""
    values, lengths = steps.values, (steps.lengths - over).clamp(min=0)
    change = values[:, over:] - values[:, : max(values.shape[1] - over, 0)]
    return Sequence(change, lengths_to_mask(lengths, change.shape[1]), steps.rate)
