"""``slp translate``: files in, sentences out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slp_cli.options import json_option, run_argument

if TYPE_CHECKING:
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline


@click.command(epilog="Example: slp translate runs/quickstart clip.pose --json")
@run_argument
@click.argument("files", nargs=-1, required=True)
@click.option("--beams", type=click.IntRange(min=1), help="Beams [the recipe's].")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with frames of every file, and its translation.",
)
@click.option(
    "--reject-below",
    type=click.FloatRange(0, 1),
    help="Withhold translations whose expected quality is lower: a line with a hyphen.",
)
@json_option
def command(
    run: Path,
    files: tuple[str, ...],
    beams: int | None,
    report: Path | None,
    reject_below: float | None,
    as_json: bool,
) -> None:
    """Translate FILES (poses, videos or features, as RUN's recipe reads) one line each, an empty
    one for what cannot be read.

    Where the recipe reads poses, those of videos are estimated, if MediaPipe is installed.
    The confidence is the model's own: it ranks translations, it does not promise that one is
    right. The expected quality is the sentence chrF / 100 that translations of that confidence
    had on validation: a mean over many, of signing like that. Let a signer look at what matters.
    """
    import json
    import os

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from slp_core.errors import UserError
    from slp_core.pipeline import Pipeline
    from slp_train.distributed import device

    pipeline = Pipeline.from_pretrained(run).to(device())
    options = {} if beams is None else {"num_beams": beams}
    if reject_below is not None:
        refuse_uncalibrated(pipeline, options, run)
    translated = []
    for file in files:
        try:
            said = pipeline.translate(file, **options)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            nothing = {"file": file, "text": None, "error": str(error)}
            click.echo(json.dumps(nothing, ensure_ascii=False) if as_json else "")
            continue
        translated.append((file, said))
        withheld = said.is_below(reject_below)
        if as_json:
            click.echo(json.dumps(_line(file, said, withheld), ensure_ascii=False))
        elif withheld:
            click.echo("-")
            click.echo(
                f"{file}: withheld: its expected quality is {said.expected:.2f}, below "
                f"{reject_below:g}",
                err=True,
            )
        else:
            click.echo(said.text)
            for note in said.notes:
                offer = "" if note.offer is None else f"\n  offered: {note.offer}"
                click.echo(f"{file}: {note.about}: {note.message}{offer}", err=True)
    if report is not None:
        from slp_train.report.translations import report_translations

        report_translations(pipeline, translated, report, reject_below)
        click.echo(f"{report}", err=True)
    if len(translated) < len(files):
        click.get_current_context().exit(2)


def _line(file: str, said: Translation, withheld: bool) -> dict[str, Any]:
    worth = {"confidence": said.confidence, "expected": said.expected}
    if withheld:
        return {"file": file, "text": None, "withheld": True, **worth}
    notes = {one.about: {"message": one.message, "offer": one.offer} for one in said.notes}
    tokens = [{"token": token, "probability": p} for token, p in said.tokens]
    read = {"transcripts": said.transcripts, "notes": notes}
    return {"file": file, "text": said.text, **worth, **read, "tokens": tokens}


def refuse_uncalibrated(pipeline: Pipeline, options: dict[str, Any], run: Path) -> None:
    """Raise a UserError where translations would have no expected quality."""
    from slp_core.confidence import FILE
    from slp_core.errors import UserError

    calibration = pipeline.calibration
    if calibration is None:
        raise UserError(
            f"--reject-below: {run} is not calibrated, its pipeline has no {FILE}: give its recipe "
            "a data.validation of at least 50 rows and run `slp train` again, which calibrates "
            "what it finds trained"
        )
    if not calibration.holds_for({**pipeline.recipe.evaluation.generation, **options}):
        raise UserError(
            f"--reject-below: {run} was calibrated for translations decoded with "
            f"{calibration.generation or 'the settings of its decoder'}; leave --beams out"
        )
