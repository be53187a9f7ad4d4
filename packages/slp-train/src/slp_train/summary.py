"""The composed pipeline as ``slp build`` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline


def describe(pipeline: Pipeline) -> dict[str, Any]:
    """Parts with package, type and parameters; stages with what they train. JSON values."""
    parts = []
    for path, node in pipeline.plan.nodes.items():
        own = [] if path in pipeline.processors else list(pipeline.part(path).parameters())
        parts.append(
            {
                "path": path,
                "part": node.name,
                "package": f"{node.entry.distribution} {node.entry.version}",
                "output": str(node.output),
                "parameters": sum(p.numel() for p in own),
            }
        )
    total = sum(p.numel() for p in pipeline.parameters())
    stages = []
    for stage in pipeline.recipe.stages:
        trained = sum(p.numel() for p in pipeline.select(stage.train).values())
        length = f"{stage.epochs:g} epochs" if stage.epochs else f"{stage.steps} steps"
        stages.append(
            {
                "name": stage.name,
                "train": stage.train,
                "fit": stage.fit,
                "length": length if stage.train else "",
                "objectives": [use.label for use in stage.objectives],
                "trainable": trained,
                "frozen": total - trained,
            }
        )
    return {"recipe": pipeline.recipe.header.name, "parameters": total, "parts": parts,
            "stages": stages}  # fmt: skip


def render(described: dict[str, Any]) -> None:
    """Two tables on stdout."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=f"{described['recipe']}: {described['parameters']:,} parameters")
    for name in ("path", "part", "package", "output"):
        table.add_column(name, overflow="fold")
    table.add_column("parameters", justify="right")
    for part in described["parts"]:
        table.add_row(
            part["path"], part["part"], part["package"], part["output"], f"{part['parameters']:,}"
        )
    console.print(table)
    if not described["stages"]:
        return
    table = Table(title="stages")
    for name in ("name", "trains", "objectives", "length"):
        table.add_column(name, overflow="fold")
    table.add_column("trainable", justify="right")
    table.add_column("frozen", justify="right")
    for stage in described["stages"]:
        table.add_row(
            stage["name"],
            ", ".join(stage["train"] or stage["fit"]),
            ", ".join(stage["objectives"]),
            stage["length"],
            f"{stage['trainable']:,}",
            f"{stage['frozen']:,}",
        )
    console.print(table)
