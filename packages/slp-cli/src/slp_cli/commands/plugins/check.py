"""``slp plugins check``: each spec is loaded, and the broken are told."""

from __future__ import annotations

import click

from slp_cli.options import json_option


@click.command(name="check", epilog="Example: slp plugins check")
@json_option
def command(as_json: bool) -> None:
    """Load every installed part; exit code 2 if one is broken."""
    import json

    from slp_core import registry
    from slp_core.errors import UserError

    broken: dict[str, str] = {}
    entries = registry.entries()
    for entry in entries:
        try:
            entry.load()
        except UserError as error:
            broken[f"{entry.kind} {entry.long_name}"] = str(error)
    if as_json:
        click.echo(json.dumps({"ok": not broken, "broken": broken}, indent=2))
    else:
        for message in broken.values():
            click.echo(click.style("BROKEN ", fg="red") + message, err=True)
        if not broken:
            click.echo(f"{len(entries)} parts load")
    if broken:
        click.get_current_context().exit(2)
