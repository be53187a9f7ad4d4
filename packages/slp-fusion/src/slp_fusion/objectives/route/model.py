"""Routes learnt from annotated spans."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from slp_core.batch import Batch, Tokens
from slp_core.errors import UserError, did_you_mean
from slp_core.manifest import Row
from slp_core.parts import Objective
from slp_core.sequence import Sequence
from slp_fusion.fusions.config import REST
from slp_fusion.fusions.routing import RoutedFusion
from slp_fusion.objectives.route.spans import spans_of
from slp_fusion.objectives.route.spec import RouteConfig

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline, Trace

IGNORED = -100


class Route(Objective):
    """The cross-entropy of a fusion's router with the spans of the column ``target``: a step's
    class is the route of the span that its middle lies in, (i + 1/2) / rate after the clip begins;
    of several, that of the last one. The others are "rest", or of no class where the fusion has no
    such route. SignBind-LLM (arXiv:2509.00030) has such a classifier and does not tell its labels.
    """

    config: RouteConfig

    def encode(self, row: Row, pipeline: Pipeline) -> dict[str, list[int]]:
        """``spans``: route, start and end in whole milliseconds of the clip, span by span.

        Raises:
            UserError: the field is no list of spans, ``on`` has no routes, or ``kinds`` names one
                that it does not have.
        """
        names = self._fusion(pipeline).route_names
        for kind, route in self.config.kinds.items():
            if route not in names:
                raise UserError(f'{self.context.path}: kinds.{kind} = "{route}" is no route of '
                                f'"{self.on}"{did_you_mean(route, names)}')  # fmt: skip
        spans = [span for span in spans_of(row, self.target) if span.kind in self.config.kinds]
        flat = [
            number
            for span in spans
            for number in (names.index(self.config.kinds[span.kind]), span.start, span.end)
        ]
        return {f"{self.context.path}.spans": [round(number) for number in flat]}

    def reads(self, pipeline: Pipeline) -> Collection[str]:
        return (self.on,)

    def count(self, batch: Batch) -> int:
        """The number of samples."""
        return len(batch)

    def forward(self, pipeline: Pipeline, trace: Trace, batch: Batch) -> Tensor:
        """The mean over each sample's steps that have a class, summed over samples.

        Raises:
            UserError: the steps have no clock.
        """
        fusion = self._fusion(pipeline)
        logits = fusion.route_logits({name: trace.ends[name] for name in pipeline.recipe.fused})
        for row, rate in zip(batch.rows, logits.rate.tolist(), strict=True):
            if rate != rate:  # NaN
                raise UserError(
                    f'{row.where}: route: the steps of "{fusion.experts[0]}" have no rate in Hz, '
                    "and nothing tells when they are; its encoder and mapper must keep the clock"
                )
        names = fusion.route_names
        outside = names.index(REST) if REST in names else IGNORED
        classes = classes_of(batch.tokens_of(self.context.path)["spans"], logits, outside)
        losses = F.cross_entropy(
            logits.values.float().mT, classes, ignore_index=IGNORED, reduction="none"
        )  # (b, t)
        told = (classes != IGNORED).sum(1)  # (b)
        return (losses.sum(1) / told.clamp(min=1)).sum()

    def _fusion(self, pipeline: Pipeline) -> RoutedFusion:
        part = pipeline.part(self.on)
        if not isinstance(part, RoutedFusion) or part.router is None:
            raise UserError(f'{self.context.path}: on = "{self.on}" has no `route` to learn')
        return part


def classes_of(spans: Tokens, steps: Sequence, outside: int) -> Tensor:
    """``b 3n`` (class, start and end in milliseconds, n times) to the class of every step, ``b t``:
    ``outside`` of the spans, and -100 in the padding."""
    numbers = torch.arange(steps.mask.shape[1], device=steps.mask.device)
    middles = (numbers + 0.5) * 1000 / steps.rate.double()[:, None]  # (b, t)
    classes = torch.full_like(steps.mask, outside, dtype=torch.long)
    for span in spans.ids.split(3, dim=1) if spans.ids.shape[1] else ():
        route, start, end = span.split(1, dim=1)  # (b, 1); all 0 behind a sample's last span
        classes = torch.where((start <= middles) & (middles < end), route, classes)
    return classes.masked_fill(~steps.mask, IGNORED)
