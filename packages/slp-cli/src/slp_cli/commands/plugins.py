"""``slp plugins``: metadata only, unless asked to load."""

from __future__ import annotations

import click

from slp_cli.options import json_option


@click.command(epilog="Example: slp plugins --kind encoder --check")
@click.option("--kind", help="Only this kind (encoder, mapper, ...).")
@click.option("--check", "load", is_flag=True, help="Load each spec and mark the broken.")
@json_option
def command(kind: str | None, load: bool, as_json: bool) -> None:
    """List the installed parts, their packages and versions.

    A name that two packages register is marked; write its long name in recipes.
    """
    from collections import Counter

    from slp_core import registry
    from slp_core.errors import UserError, did_you_mean
    from slp_core.spec import KINDS

    if kind is not None and kind not in KINDS:
        raise UserError(f'--kind: there is no kind "{kind}"{did_you_mean(kind, KINDS)}')
    entries = [entry for entry in registry.entries() if kind in (None, entry.kind)]
    times = Counter((entry.kind, entry.name) for entry in entries)
    rows, broken = [], 0
    for entry in entries:
        row = {
            "kind": entry.kind,
            "name": entry.name,
            "package": entry.distribution,
            "version": entry.version,
            "spec": entry.entry_point.value,
            "ambiguous": times[entry.kind, entry.name] > 1,
        }
        if load:
            try:
                row["summary"] = entry.load().summary
            except UserError as error:
                row["error"] = str(error)
                broken += 1
        rows.append(row)
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
    if broken:
        click.get_current_context().exit(2)


def _print(rows: list[dict]) -> None:
    width = max((len(row["name"]) for row in rows), default=0)
    kind = None
    for row in rows:
        if row["kind"] != kind:
            kind = row["kind"]
            click.echo(click.style(kind, bold=True))
        name = f"{row['package']}:{row['name']}" if row["ambiguous"] else row["name"]
        mark = "  (two packages have this name)" if row["ambiguous"] else ""
        said = row.get("error") or row.get("summary") or ""
        broken = click.style("BROKEN ", fg="red") if "error" in row else ""
        line = f"  {name:<{width}}  {row['package']} {row['version']}{mark}  {broken}{said}"
        click.echo(line.rstrip())
