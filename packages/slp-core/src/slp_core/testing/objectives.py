"""Objectives: a loss over what a pipeline computed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import Tensor

from slp_core.batch import Batch
from slp_core.context import Context
from slp_core.parts import Objective
from slp_core.pipeline import Pipeline
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_core.testing.decoders import encoded, padded
from slp_core.testing.findings import Findings
from slp_core.testing.modules import Feed, Outcome, Subject, as_part, examine_module
from slp_core.testing.networks import drawn_batch
from slp_core.testing.standin import WIDTH, stand_in
from slp_core.testing.trial import Trial, manifest


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold an objective to a loss that is finite, counted, and teaches what it looks at."""
    subject = Loss(spec, config, trial, folder, found)
    with found.trying("build"):
        objective = subject.build()
        if as_part(objective, Objective, found):
            with found.trying("run"):
                _loss(subject, objective)
                _reach(subject, objective)
                examine_module(subject, objective)


class Loss(Subject):
    """An objective with a pipeline to look at and rows to encode."""

    alone = False

    def __init__(
        self, spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings
    ) -> None:
        super().__init__(spec, config, trial, folder, found)
        self.context = Context(path="objective", target=trial.target)
        self.pipeline = (trial.pipeline or stand_in)()
        self.pipelines: dict[Any, Pipeline] = {}
        train = manifest(folder, trial.rows)
        self.rows = [train.rows[n % len(train)] for n in range(len(trial.lengths))]

    def build(self, seed: int = 0, assets: Path | None = None) -> Any:
        objective = super().build(seed, assets)
        if isinstance(objective, Objective):
            objective.on, objective.target = self.trial.on, self.trial.target
        return objective

    def there(self, feed: Feed) -> Pipeline:
        """The pipeline, where the batch is and in its dtype."""
        key = feed.device, feed.dtype
        if key not in self.pipelines:
            self.pipelines[key] = copy.deepcopy(self.pipeline).to(feed.device, feed.dtype)
        return self.pipelines[key]

    def batch(self, objective: Objective, feed: Feed) -> Batch:
        """Signals of every stream, and what the decoder and the objective ask of the rows."""
        pipeline, rows = self.pipeline, [self.rows[number] for number in feed.samples]
        type_ = TensorType("b t d", {"d": WIDTH})
        signals = {
            name: drawn_batch(type_, list(self.trial.lengths), feed, salt)
            for salt, name in enumerate(pipeline.recipe.streams)
        }
        ids = [encoded(pipeline.decoder, row, self.trial.target, labels=True) for row in rows]
        tokens = {f"decoder.{name}": one for name, one in padded(ids, feed).items()}
        tokens |= padded([objective.encode(row, pipeline) for row in rows], feed)
        return Batch(tuple(rows), signals, tokens)

    def loss(self, objective: Objective, feed: Feed) -> tuple[Tensor, Batch]:
        pipeline, batch = self.there(feed), self.batch(objective, feed)
        trace = pipeline(batch, objective.reads(pipeline))
        return objective(pipeline, trace, batch), batch

    def run(self, part: Objective, feed: Feed) -> Outcome:
        loss, batch = self.loss(part, feed)
        return [] if loss.is_meta else [{"loss": loss, "count": part.count(batch)}]


def _loss(subject: Loss, objective: Objective) -> None:
    loss, batch = subject.loss(objective, subject.everyone)
    count = objective.count(batch)
    if not isinstance(loss, Tensor) or loss.ndim:
        subject.found.fault("loss", f"gives {type(loss).__name__} {loss}, one number is expected")
    elif not loss.isfinite():
        subject.found.fault("loss", f"is {loss.item()}")
    if type(count) is not int or count < 1:
        subject.found.fault(
            "count", f"is {count!r}; how many items the loss is summed over is expected"
        )


def _reach(subject: Loss, objective: Objective) -> None:
    """Its gradient reaches what it says that it looks at, or itself."""
    pipeline = subject.there(subject.everyone)
    pipeline.zero_grad()
    loss, _ = subject.loss(objective, subject.everyone)
    if not loss.requires_grad:
        subject.found.fault("gradient", "the loss has none; is it computed with `detach` or ids?")
        return
    loss.backward()
    reached = [one for one in pipeline.parameters() if one.grad is not None and one.grad.any()]
    pipeline.zero_grad()
    if not reached:
        looked = objective.reads(pipeline)
        named = "any part of the pipeline" if looked is None else ", ".join(sorted(looked))
        subject.found.fault("gradient", f"no weight that leads to {named} gets any from the loss")
