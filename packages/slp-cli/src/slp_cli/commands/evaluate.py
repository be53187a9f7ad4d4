"""``slp evaluate``: scores beside their blindness controls."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import json_option, run_argument, settings_option


@click.command(
    epilog="Examples: slp evaluate runs/quickstart; "
    "slp evaluate runs/a --against runs/b; torchrun --nproc-per-node 2 -m slp_cli.main "
    "evaluate runs/quickstart"
)
@run_argument
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
)
@settings_option
@click.option("--against", type=click.Path(path_type=Path), help="Test the difference to a run.")
@json_option
def command(
    run: Path, split: str, settings: tuple[str, ...], against: Path | None, as_json: bool
) -> None:
    """Score RUN on a split, with intervals and the blindness controls.

    The controls are the same model on shuffled and on blank signals, the most frequent and the
    nearest training sentence: a model whose score they reach does not look at the signer.
    """
    import json

    if against is not None:
        from slp_train.evaluation import compare_runs, print_comparison

        compared = compare_runs(run, against)
        if as_json:
            click.echo(json.dumps(compared, indent=2, ensure_ascii=False))
        else:
            print_comparison(compared)
        return
    from slp_train.evaluation import print_evaluation
    from slp_train.run import evaluate_run

    evaluation = evaluate_run(run, split, settings)
    if evaluation is None:  # another process prints
        return
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        print_evaluation(evaluation, Console(highlight=False))
