"""``slp card``: what a pipeline is, what it is worth and what it is not for."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import run_argument


@click.command(epilog="Example: slp card runs/quickstart")
@run_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the card here [beside the run's pipeline].",
)
def command(run: Path, output: Path | None) -> None:
    """Write the model card of RUN, in the format of the Hugging Face hub, and print its path.

    What it cannot know (licences, consent, what Deaf signers say of the translations) stands in
    RUN/card.toml, which is begun for you and never written over. Fill it in and run this again.
    """
    from slp_train.card import begin_facts, missing_facts, write_card

    click.echo(write_card(run, output))
    facts = begin_facts(run)
    if missing := missing_facts(run):
        click.echo(f"not stated, and for you to fill into {facts}: {', '.join(missing)}", err=True)
