"""``slp plugins show``: one part, from its spec alone. No torch."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click

from slp_cli import completion
from slp_cli.options import json_option

if TYPE_CHECKING:
    from slp_core.registry import Entry


@click.command(
    name="show", epilog="Examples: slp plugins show clip; slp plugins show encoder:pose --json"
)
@click.argument(
    "name", nargs=-1, required=True, metavar="[KIND:]NAME", shell_complete=completion.any_part
)
@json_option
def command(name: tuple[str, ...], as_json: bool) -> None:
    """Show a part: its keys, what it takes and gives, its paper, and lines for a recipe.

    Where several kinds have the name, write KIND:NAME or KIND NAME; where several packages have
    it, PACKAGE:NAME.
    """
    told = _describe(_find(":".join(name)))
    if as_json:
        import json

        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(told)


def _find(written: str) -> Entry:
    """The part that ``[KIND:][PACKAGE:]NAME`` means.

    Raises:
        UserError: it means none, or several; then how each of them is written.
    """
    from slp_core import registry
    from slp_core.errors import UserError
    from slp_core.spec import KINDS

    kind, _, name = written.partition(":")
    if kind in KINDS and name:
        return registry.find(kind, name)
    package, _, short = written.rpartition(":")
    found = [
        entry
        for entry in registry.entries()
        if entry.name == short and package in ("", entry.distribution)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        hint = nearest(written, registry.entries())
        raise UserError(f'no part "{written}"{hint}; `slp plugins` lists them')
    same = len({entry.kind for entry in found}) < len(found)
    names = [f"{one.kind}:{one.long_name if same else one.name}" for one in found]
    raise UserError(f'"{written}" is the name of {len(found)} parts; write {" or ".join(names)}')


def nearest(written: str, entries: Collection[Entry]) -> str:
    """Say the nearest name of a part, or of a part of that kind where one is written."""
    from slp_core.errors import did_you_mean

    if ":" not in written:
        return did_you_mean(written, [entry.name for entry in entries])
    kind, _, name = written.partition(":")
    if of_kind := [entry.name for entry in entries if entry.kind == kind]:
        return did_you_mean(name, of_kind)
    return did_you_mean(written, [f"{entry.kind}:{entry.name}" for entry in entries])


def _describe(entry: Entry) -> dict[str, Any]:
    from attrs import asdict

    from slp_core.errors import UserError
    from slp_core.examples import passages, snippet
    from slp_core.keys import keys

    spec = entry.load()
    try:
        signature = [asdict(one) for one in passages(spec)]
        note = "" if signature or spec.signature is None else "takes none of the typical inputs"
    except UserError as error:
        signature, note = [], f"its example is refused: {error}"
    return {
        "kind": entry.kind,
        "name": entry.name,
        "package": entry.distribution,
        "version": entry.version,
        "summary": spec.summary,
        "paper": spec.paper,
        "spec": entry.entry_point.value,
        "code": spec.factory,
        "fits": spec.fits,
        "keys": [asdict(key) for key in keys(spec.config)],
        "signature": signature,
        "signature_note": note,
        "recipe": snippet(entry, spec),
    }


def _print(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from slp_core.examples import toml_value

    console = Console(highlight=False, markup=False)

    def heading(text: str) -> None:
        console.print(f"\n{text}", style="bold")

    console.print(f"{told['kind']} {told['name']}", style="bold", end="")
    console.print(f"  {told['package']} {told['version']}")
    console.print(told["summary"])
    for name in ("paper", "spec", "code"):
        if told[name]:
            console.print(f"{name}  {told[name]}", soft_wrap=True)
    if told["fits"]:
        console.print("a stage may fit it in closed form")

    if told["signature"] or told["signature_note"]:
        heading("What it takes and gives")
        grid = Table.grid(padding=(0, 2))
        for one in told["signature"]:
            grid.add_row(one["source"], one["takes"], "->", one["gives"])
        console.print(grid if told["signature"] else told["signature_note"])

    if told["keys"]:
        heading("Keys")
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("key", "type", "default", "what it is"):
            table.add_column(name, overflow="fold", no_wrap=name == "key")
        for key in told["keys"]:
            default = "" if key["default"] is None else toml_value(key["default"])
            default = "required" if key["required"] else default
            table.add_row(key["name"], key["type"], default, key["help"])
        console.print(table)

    heading("In a shell" if told["kind"] == "command" else "In a recipe")
    click.echo(told["recipe"])
