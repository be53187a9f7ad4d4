"""``slp push``: a pipeline to the Hugging Face hub, with its card."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import run_argument


@click.command(epilog="Example: slp push runs/quickstart owner/name --private")
@run_argument
@click.argument("name")
@click.option("--private/--public", default=None, help="Who may see it [the owner's settings].")
@click.option("--revision", help="A branch to push to [main].")
def command(run: Path, name: str, private: bool | None, revision: str | None) -> None:
    """Push the pipeline of RUN to the Hugging Face hub as NAME (owner/name); print its address.

    Its card is rendered anew from the run and its card.toml, unless somebody wrote one by hand.
    Pipeline.from_pretrained(NAME) opens what was pushed. `hf auth login` tells the hub who you are.
    """
    from slp_core.pipeline import Pipeline
    from slp_train.card import is_by_hand, missing_facts, render_card

    pipeline = Pipeline.from_pretrained(run)
    if not is_by_hand(pipeline.card):
        pipeline.card = render_card(run, name)
        if missing := missing_facts(run):
            click.echo(f"not stated in the card: {', '.join(missing)}", err=True)
    click.echo(pipeline.push_to_hub(name, private=private, revision=revision))
