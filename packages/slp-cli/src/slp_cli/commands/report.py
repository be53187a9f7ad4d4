"""``slp report``: one HTML file to look at."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example: slp report runs/quickstart")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Write RUN's report (curves, scores, controls, examples) and print its path."""
    from slp_train.report import report

    click.echo(report(run))
