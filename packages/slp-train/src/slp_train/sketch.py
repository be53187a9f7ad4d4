"""The size of a recipe, as ``slp check --meta`` shows it: shapes, parameters and memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from slp_core.errors import MissingWeights, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from slp_core.build import Sketch
    from slp_core.check import Plan
    from slp_core.recipe import Stage

_ADAM = 2  # averages that Adam keeps of every trained weight, in its dtype


def sketch(plan: Plan) -> dict[str, Any]:
    """What a checked recipe composes, without a weight: parts with their types, parameters and
    bytes; stages with what they train, and the bytes of weights, gradients and Adam's averages.
    Activations are not counted. ``unknown`` says what could not be found out, by path. JSON
    values.
    """
    from slp_core.build import sketch as build_sketch
    from slp_train.annotation import complete
    from slp_train.run import written_manifests

    train = written_manifests(plan.recipe).get("train")
    if train is not None and not complete(train, plan.recipe.data, "train"):
        train = None  # nobody waits for annotators here
    made = build_sketch(plan, train)
    parts = {path: _part(made, path) for path in plan.nodes}
    parts |= {path: _inside(made, path) for path in made.pipeline.parts if path not in parts}
    unknown = {path: _said(error, parts.get(path)) for path, error in made.unknown.items()}
    return {
        "recipe": plan.recipe.header.name,
        "parameters": _count(made.pipeline.parameters()),
        "bytes": _bytes([*made.pipeline.parameters(), *made.pipeline.buffers()]),
        "parts": [*parts.values()],
        "stages": [_stage(made, stage) for stage in plan.recipe.stages],
        "unknown": unknown,
    }


def _part(made: Sketch, path: str) -> dict[str, Any]:
    node = made.pipeline.plan.nodes[path]
    given = node.streams.values() if node.streams else [node.inputs] if node.inputs else []
    return {
        "path": path,
        "part": node.name,
        "inputs": [str(one) for one in given],
        "output": str(node.output),
        **_weights(made, path),
    }


def _inside(made: Sketch, path: str) -> dict[str, Any]:
    """A part that stands for another one, which holds it and cannot be made."""
    holder, _, key = path.rpartition(".")
    inner = getattr(made.pipeline.plan.nodes[holder].config, key)
    return {"path": path, "part": inner.name, "inputs": [], "output": "", **_weights(made, path)}


def _weights(made: Sketch, path: str) -> dict[str, Any]:
    if path in made.unknown:
        return {"dtypes": [], "parameters": None, "bytes": None}
    part = made.pipeline.part(path) if path in made.pipeline.parts else None  # a processor has none
    weights = [] if part is None else [*part.parameters()]
    buffers = [] if part is None else [*part.buffers()]
    return {
        "dtypes": sorted({str(one.dtype).removeprefix("torch.") for one in weights}),
        "parameters": _count(weights),
        "bytes": _bytes([*weights, *buffers]),
    }


def _stage(made: Sketch, stage: Stage) -> dict[str, Any]:
    """``whole`` is False where parts that the stage trains, or its losses, are unknown."""
    pipeline, losses = made.pipeline, made.objectives[stage.name].values()
    trained: dict[str, Tensor] = {}
    whole = not any(path.startswith(f"{stage.name}.") for path in made.unknown)
    for pattern in stage.train:
        try:
            trained |= pipeline.select([pattern])
        except UserError:  # of a part that is unknown, or nothing below it
            whole = False
    whole = whole and not any(path in made.unknown for path in _reached(made, stage))
    own = [weight for loss in losses for weight in loss.parameters()]
    weights = [*trained.values(), *own]
    everything = [*pipeline.parameters(), *pipeline.buffers(), *own]
    return {
        "name": stage.name,
        "train": stage.train,
        "fit": stage.fit,
        "trainable": _count(weights),
        "frozen": _count(pipeline.parameters()) - _count(trained.values()),
        "weights": _bytes(everything),
        "gradients": _bytes(weights),
        "adam": _ADAM * _bytes(weights),
        "whole": whole,
    }


def _reached(made: Sketch, stage: Stage) -> list[str]:
    """The parts that a stage's patterns name, in whole or below themselves."""
    from slp_core.check import matches

    return [
        path
        for path in made.pipeline.plan.nodes
        for pattern in stage.train
        if matches(pattern, path) or matches(path, pattern)
    ]


def _count(weights: Iterable[Tensor]) -> int:
    return sum(one.numel() for one in weights)


def _bytes(weights: Iterable[Tensor]) -> int:
    return sum(one.numel() * one.element_size() for one in weights)


def _said(error: UserError, part: dict[str, Any] | None) -> str:
    """What to fetch, what to wait for, or else what is wrong."""
    if isinstance(error, MissingWeights):
        return f"{error.name} is not there; {error.fetch}, or name a folder in {error.key}"
    if part is not None and "=?" in f"{part['inputs']} {part['output']}":
        return "has a width that is known once the parts beside it are"
    return str(error).split("\n")[0]


def render(sketched: dict[str, Any]) -> None:
    """Two tables on stdout, and what is unknown."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    least = "at least " if sketched["unknown"] else ""
    table = Table(title=f"{sketched['recipe']}: {least}{sketched['parameters']:,} parameters")
    whole = console.width >= 80  # narrower, what is not folded would be cut
    table.add_column("part", no_wrap=whole, overflow="fold")
    table.add_column("in → out", overflow="fold")
    for name in ("parameters", "memory"):
        table.add_column(name, justify="right", no_wrap=whole, overflow="fold")
    for part in sketched["parts"]:
        count, memory = "?", "?"
        if part["parameters"] is not None:
            count, memory = f"{part['parameters']:,}", human(part["bytes"])
        table.add_row(
            f"{part['path']}\n  {part['part']}",
            "\n".join([*part["inputs"], *([f"→ {part['output']}"] if part["output"] else [])]),
            count,
            "\n".join([memory, *part["dtypes"]]),
        )
    console.print(table)
    if sketched["stages"]:
        table = Table(title="stages (activations are not counted)")
        table.add_column("name", overflow="fold")
        for name in ("trainable", "frozen", "weights", "gradients", "Adam"):
            table.add_column(name, justify="right", overflow="fold")
        for stage in sketched["stages"]:
            least = "" if stage["whole"] else "≥ "
            counts = (f"{stage[name]:,}" for name in ("trainable", "frozen"))
            sizes = (human(stage[name]) for name in ("weights", "gradients", "adam"))
            table.add_row(stage["name"], *(f"{least}{said}" for said in [*counts, *sizes]))
        console.print(table)
    for path, reason in sketched["unknown"].items():
        said = reason if reason.startswith(path) else f"{path}: {reason}"
        console.print(said, soft_wrap=True, markup=False)


def human(size: float) -> str:
    """Bytes as people read them: 2.7 GiB."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
