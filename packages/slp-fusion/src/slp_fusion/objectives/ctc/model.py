"""Connectionist temporal classification."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING

from attrs import frozen
from torch import Tensor

from slp_core.batch import Batch, Tokens
from slp_core.context import Context
from slp_core.ctc import Transcriber, collapse, least_steps, log_likelihood
from slp_core.edits import edit_distance
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.parts import Objective
from slp_core.sequence import Sequence
from slp_fusion.objectives.ctc.spec import CTCConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace


@frozen(eq=False)
class _Seen:
    """Of the last batch: the likeliest class of every step, ``b t``, and what was to be read."""

    path: Tensor
    mask: Tensor
    labels: Tokens


class CTC(Objective):
    """-log P(labels | steps), summed over the samples of a batch (Graves et al., ICML 2006,
    equation 12): P of all alignments of the column's words or letters to the steps together.

    A sample with fewer steps than it takes to say its labels (one each, and a blank between equal
    neighbours) has no alignment. It is left out, and the others of its batch stand in for it: the
    sum is scaled so that loss / count is that of the samples that can be read. How many cannot
    is the gauge ``infeasible``. A row whose field is empty is to be read as blanks.

    The column is the one that the part reads, whatever ``target`` says.
    """

    config: CTCConfig

    def __init__(self, config: CTCConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self._rows = self._infeasible = 0  # since the gauges were read
        self._seen: _Seen | None = None

    def encode(self, row: Row, pipeline: Pipeline) -> dict[str, list[int]]:
        """``labels``: the classes of what the part is to read.

        Raises:
            UserError: the row has no such column, or ``on`` reads none.
        """
        part = self._part(pipeline)
        if part.column not in row.fields:
            raise UserError(
                f'{row.where}: ctc: no column `{part.column}`, which on = "{self.on}" reads'
            )
        return {f"{self.context.path}.labels": part.units.encode(row.fields[part.column])}

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on,)

    def count(self, batch: Batch) -> int:
        """The number of labels and, as the end of each sample is told too, of samples."""
        return int(self._labels(batch).mask.sum()) + len(batch)

    def gauges(self) -> dict[str, float]:
        """``infeasible``: the share of the training samples since last asked that have too few
        steps for their labels; ``error rate``: edits from the last batch's labels to what is read
        of it greedily, by label."""
        gauges = {}
        if self._rows:
            gauges["infeasible"] = share = self._infeasible / self._rows
            if share > 0.5:
                warnings.warn(
                    f"{self.context.path}: {share:.0%} of the samples have fewer steps than it "
                    f'takes to say their labels, and teach on = "{self.on}" nothing; a smaller '
                    "stride or a higher rate gives more steps",
                    stacklevel=2,
                )
        if self._seen is not None and self._seen.labels.mask.any():
            gauges["error rate"] = _error_rate(self._seen)
        self._rows = self._infeasible = 0
        return gauges

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        steps, labels = self._steps(trace), self._labels(batch)
        log_probs = self._part(pipeline).log_probs(steps)  # (b, t, u)
        lengths = labels.mask.sum(1)  # (b)
        feasible = least_steps(labels.ids, lengths) <= steps.lengths  # (b)
        if self.training:
            self._rows += len(batch)
            self._infeasible += len(batch) - int(feasible.sum())
            self._seen = _Seen(log_probs.detach().argmax(-1), steps.mask, labels)
        if not feasible.any():
            return log_probs[:0].sum()  # zero, with a gradient of zeros
        told = log_likelihood(
            log_probs[feasible], steps.lengths[feasible], labels.ids[feasible], lengths[feasible]
        )
        items = lengths + 1
        return -told.sum() * (items.sum() / items[feasible].sum())

    def _labels(self, batch: Batch) -> Tokens:
        return batch.tokens_of(self.context.path)["labels"]

    def _part(self, pipeline: Pipeline) -> Transcriber:
        try:
            part = pipeline.get_submodule(self.on)
        except AttributeError:
            part = None
        if not isinstance(part, Transcriber):
            raise UserError(
                f'ctc: on = "{self.on}" reads no column by CTC; name a mapper "ctc-expert", or a '
                'decoder "ctc"'
            )
        return part

    def _steps(self, trace: Trace) -> Sequence:
        """What a mapper gave, or what goes into the decoder and whatever is inside it."""
        if self.on in trace.outputs:
            return trace[self.on]
        if self.on.partition(".")[0] != "decoder":
            raise UserError(f'ctc: on = "{self.on}" gives no steps')
        return trace.last


def _error_rate(seen: _Seen) -> float:
    edits = sum(
        edit_distance(collapse(path[mask].tolist()), ids[valid].tolist())
        for path, mask, ids, valid in zip(
            seen.path.cpu(),
            seen.mask.cpu(),
            seen.labels.ids.cpu(),
            seen.labels.mask.cpu(),
            strict=True,
        )
    )
    return edits / int(seen.labels.mask.sum())
