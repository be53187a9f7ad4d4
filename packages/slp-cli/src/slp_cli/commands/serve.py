"""``slp serve``: a trained pipeline as a page."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli.options import run_argument


@click.command(
    epilog="Examples: slp serve runs/quickstart; slp serve runs/phoenix --reject-below 0.5; "
    "slp serve runs/phoenix --host 0.0.0.0 --port 8000 --max-seconds 60"
)
@run_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Who may ask: this machine.")
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True)
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), default=30.0,
              show_default=True, help="Longest clip.")  # fmt: skip
@click.option("--max-megabytes", type=click.FloatRange(min=0, min_open=True), default=50.0,
              show_default=True, help="Largest file.")  # fmt: skip
@click.option("--reject-below", type=click.FloatRange(0, 1),
              help="Withhold translations whose expected quality is lower.")  # fmt: skip
def command(
    run: Path,
    host: str,
    port: int,
    max_seconds: float,
    max_megabytes: float,
    reject_below: float | None,
) -> None:
    """Show RUN as a page: drop or record a clip, read the sentence and what it is worth.

    It needs the extra: uv pip install 'slp-cli[serve]'. Uploads are deleted when they are
    translated; nothing is recorded, and nothing leaves this machine. Translations are made one
    after another, and whoever waits sees it.
    """
    import os
    from importlib.util import find_spec

    from slp_cli.commands.translate import refuse_uncalibrated
    from slp_core.errors import UserError

    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if find_spec("gradio") is None:
        raise UserError(
            "the page needs Gradio, which is not installed: uv pip install 'slp-cli[serve]'"
        )
    from slp_cli.page.answer import Translator
    from slp_cli.page.folder import private_folder
    from slp_cli.page.uploads import Limits
    from slp_core.pipeline import Pipeline
    from slp_train.distributed import device

    with private_folder() as cache:
        pipeline = Pipeline.from_pretrained(run).to(device())
        if reject_below is not None:
            refuse_uncalibrated(pipeline, {}, run)
        translator = Translator(pipeline, Limits(max_seconds, max_megabytes), reject_below, cache)
        from slp_cli.page.app import serve

        click.echo(f"http://{host}:{port}", err=True)
        serve(translator, host, port)
