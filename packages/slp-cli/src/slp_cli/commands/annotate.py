"""``slp annotate``: columns made of other columns."""

from __future__ import annotations

from pathlib import Path

import click

from slp_cli import completion
from slp_cli.options import as_table, json_option


@click.command(
    epilog="Examples: slp annotate data/train.tsv --with pseudo-gloss --set language=de; "
    "slp annotate data/*.tsv --with phonemes; "
    "slp annotate data/train.tsv --with letters --set rule=capitals -o data/named.tsv"
)
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--with", "name", required=True, metavar="ANNOTATOR",
              shell_complete=completion.parts("annotator"),
              help="Who makes the columns; `slp plugins --kind annotator` lists them.")  # fmt: skip
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Its settings (repeatable).",
    shell_complete=completion.keys("annotator", "name"),
)
@click.option("-o", "--out", type=click.Path(path_type=Path),
              help="Another file in the folder of the only manifest [in place].")  # fmt: skip
@click.option("--replace", is_flag=True, help="Make columns anew that a manifest has already.")
@json_option
def command(
    manifests: tuple[Path, ...],
    name: str,
    settings: tuple[str, ...],
    out: Path | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Add columns to MANIFESTS, each written whole or not at all.

    How they were made is in MANIFEST.provenance.json. What is dear to make again, as a language
    model's answers, is kept in the folder annotations beside the manifests: what was interrupted
    goes on. A recipe does the same in memory: [data] annotate.
    """
    from slp_core.recipe import Use
    from slp_train.annotation import annotate_files

    if out is not None and len(manifests) > 1:
        raise click.UsageError("-o is for one manifest; several are written in place")
    done = annotate_files(manifests, Use(name, as_table(settings)), out, replace)
    if as_json:
        import json

        click.echo(json.dumps(done, indent=2, ensure_ascii=False))
        return
    for one in done:
        columns = ", ".join(f"{name} ({empty} empty)" for name, empty in one["empty"].items())
        click.echo(f"{one['manifest']}: {columns}, {one['rows']} rows")
