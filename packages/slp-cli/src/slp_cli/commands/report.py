"""``slp report``: one HTML file to look at."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli import completion


@click.command(epilog="Examples: slp report runs/quickstart; slp report runs/a runs/b runs/c")
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path), shell_complete=completion.runs
)
def command(runs: tuple[Path, ...]) -> None:
    """Write a run's report (curves, scores, controls, examples) and print its path.

    Several RUNS are put side by side, with paired tests of their differences.
    """
    from slp_train.report import report

    click.echo(report(runs[0] if len(runs) == 1 else list(runs)))
