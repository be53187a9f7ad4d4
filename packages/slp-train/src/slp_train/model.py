"""What a stage trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from slp_core.batch import Batch
from slp_core.errors import UserError
from slp_core.parts import Objective, Part
from slp_core.pipeline import Pipeline
from slp_core.weights import save_apart
from slp_train import checkpoints


class StageModel(nn.Module):
    """What a stage trains: the pipeline and the objectives' own parameters.

    Everything is frozen but ``train`` and the objectives. Parts whose parameters are all frozen
    stay in evaluation mode: no dropout, and the statistics of batch normalisation as they are.
    """

    def __init__(
        self, pipeline: Pipeline, objectives: dict[str, Objective], train: list[str]
    ) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.labels = list(objectives)
        self.objectives = nn.ModuleList(objectives.values())
        self.by_label = objectives
        chosen = pipeline.select(train)
        for name, parameter in pipeline.named_parameters():
            if parameter.is_floating_point():
                parameter.requires_grad_(name in chosen)
        self.trained = [p for p in self.parameters() if p.requires_grad]
        parts = [one for one in pipeline.modules() if isinstance(one, Part)]
        self._frozen = [part for part in parts if _is_frozen(part)]
        self.reads = what_is_read(pipeline, objectives.values())
        self.eval()

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """The loss of each objective, summed over its items."""
        trace = self.pipeline(batch, self.reads)
        return tuple(one(self.pipeline, trace, batch) for one in self.by_label.values())

    def count(self, batch: Batch) -> list[int]:
        """The items each objective's loss is summed over."""
        return [one.count(batch) for one in self.by_label.values()]

    def gauges(self) -> dict[str, float]:
        """What the trained parts and the objectives tell about themselves, by path and label."""
        parts = {path: self.pipeline.part(path) for path in self.pipeline.parts}
        telling = {path: part for path, part in parts.items() if part not in self._frozen}
        return {
            f"{who}.{name}": value
            for who, one in [*telling.items(), *self.by_label.items()]
            for name, value in one.gauges().items()
        }

    def train(self, mode: bool = True) -> StageModel:
        if self.training != mode or self.pipeline.training != mode:  # no walk every step
            super().train(mode)
            for part in self._frozen:
                part.eval()
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.trained:  # no walk either
            parameter.grad = None

    def save(self, folder: Path, earlier: Path | None = None) -> None:
        """Write pipeline and objectives. What is frozen is shared with the pipeline ``earlier``,
        which this stage wrote or went on from."""
        from safetensors.torch import save_model

        self.pipeline.save(folder / checkpoints.PIPELINE, partial(save_apart, earlier=earlier))
        if self.objectives.state_dict():
            save_model(self.objectives, str(folder / "objectives.safetensors"))

    def load(self, folder: Path) -> None:
        from safetensors.torch import load_model

        self.pipeline.load_weights(folder / checkpoints.PIPELINE)
        if self.objectives.state_dict():
            load_model(self.objectives, folder / "objectives.safetensors")

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute activations in the backward pass, in every part that knows how to.

        Raises:
            UserError: none does.
        """
        able = list(_outermost(self.pipeline, "activation_checkpointing_enable"))
        if not able:
            raise UserError("trainer.gradient_checkpointing: no part of this pipeline can do it")
        for module in able:
            module.activation_checkpointing_enable(**options)

    def activation_checkpointing_disable(self) -> None:
        for module in _outermost(self.pipeline, "activation_checkpointing_disable"):
            module.activation_checkpointing_disable()


def what_is_read(pipeline: Pipeline, objectives: Iterable[Objective]) -> set[str] | None:
    """The parts that these objectives look at, by path; None where one may look at all."""
    read: set[str] = set()
    for one in objectives:
        paths = one.reads(pipeline)
        if paths is None:
            return None
        read |= {*paths}
    return read


def _is_frozen(part: nn.Module) -> bool:
    parameters = list(part.parameters())
    return bool(parameters) and not any(p.requires_grad for p in parameters)


def _outermost(module: nn.Module, method: str) -> Iterator[Any]:
    for child in module.children():
        if hasattr(child, method):
            yield child
        else:
            yield from _outermost(child, method)
