"""``slp plugins list``: metadata only, nothing of a plugin is imported."""

from __future__ import annotations

import click

from slp_cli import completion
from slp_cli.options import json_option


@click.command(name="list", epilog="Example: slp plugins list --kind encoder")
@click.option(
    "--kind", shell_complete=completion.kinds, help="Only this kind (encoder, mapper, ...)."
)
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List the installed parts, their packages and versions.

    A name that two packages register is marked; write its long name in recipes.
    """
    from slp_core import registry
    from slp_core.errors import UserError, did_you_mean
    from slp_core.spec import KINDS

    if kind is not None and kind not in KINDS:
        raise UserError(f'--kind: there is no kind "{kind}"{did_you_mean(kind, KINDS)}')
    entries = [entry for entry in registry.entries() if kind in (None, entry.kind)]
    rows = [
        {
            "kind": entry.kind,
            "name": entry.name,
            "package": entry.distribution,
            "version": entry.version,
            "spec": entry.entry_point.value,
            "ambiguous": entry.ambiguous,
        }
        for entry in entries
    ]
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)


def _print(rows: list[dict]) -> None:
    width = max((len(row["name"]) for row in rows), default=0)
    kind = None
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            click.echo(click.style(kind, bold=True))
        name = f"{row['package']}:{row['name']}" if row["ambiguous"] else row["name"]
        mark = "  (two packages have this name)" if row["ambiguous"] else ""
        click.echo(f"  {name:<{width}}  {row['package']} {row['version']}{mark}")
