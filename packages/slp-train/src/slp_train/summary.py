"""The composed pipeline as ``slp build`` shows it."""

from __future__ import annotations

from typing import Any


def render(described: dict[str, Any]) -> None:
    """Two tables on stdout."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=f"{described['recipe']}: {described['parameters']:,} parameters")
    for name in ("path", "part", "package", "output"):
        table.add_column(name, overflow="fold")
    table.add_column("parameters", justify="right", overflow="fold")
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
    for name in ("trainable", "frozen"):
        table.add_column(name, justify="right", overflow="fold")
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
