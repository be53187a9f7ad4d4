"""``slp translate``: files in, sentences out."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import json_option, run_argument


@click.command(epilog="Example: slp translate runs/quickstart clip.pose --json")
@run_argument
@click.argument("files", nargs=-1, required=True)
@click.option("--beams", type=click.IntRange(min=1), help="Beams [the recipe's].")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with frames of every file, and its translation.",
)
@json_option
def command(
    run: Path, files: tuple[str, ...], beams: int | None, report: Path | None, as_json: bool
) -> None:
    """Translate FILES (poses, videos or features, as RUN's recipe reads) one line each.

    Where the recipe reads poses, those of videos are estimated, if MediaPipe is installed.
    The confidence is the model's own: it ranks translations, it does not promise that one is
    right. Let a signer look at what matters.
    """
    import json
    import os

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from slp_core.errors import UserError
    from slp_core.pipeline import Pipeline

    pipeline = Pipeline.from_pretrained(run)
    options = {} if beams is None else {"num_beams": beams}
    translated = []
    for file in files:
        try:
            said = pipeline.translate(file, **options)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            continue
        translated.append((file, said))
        if as_json:
            tokens = [{"token": token, "probability": p} for token, p in said.tokens]
            line = {"file": file, "text": said.text, "confidence": said.confidence}
            click.echo(json.dumps({**line, "tokens": tokens}, ensure_ascii=False))
        else:
            click.echo(said.text)
    if report is not None:
        from slp_train.report.translations import report_translations

        report_translations(pipeline, translated, report)
        click.echo(f"{report}", err=True)
    if len(translated) < len(files):
        click.get_current_context().exit(2)
