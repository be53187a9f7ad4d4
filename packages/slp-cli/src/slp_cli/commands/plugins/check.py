"""``slp plugins check``: parts are held to what their kind promises, by :mod:`slp_core.testing`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slp_cli import completion
from slp_cli.commands.plugins.show import nearest
from slp_cli.options import json_option

if TYPE_CHECKING:
    from slp_core.registry import Entry


@click.command(
    name="check", epilog="Examples: slp plugins check; slp plugins check clip decoder:ctc"
)
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=completion.any_part)
@click.option("--kind", shell_complete=completion.kinds, help="Only this kind.")
@json_option
def command(names: tuple[str, ...], kind: str | None, as_json: bool) -> None:
    """Hold installed parts to what their kind promises: all of them, or those named.

    Shapes are those of the signature, padding a batch changes nothing, nothing is kept between
    calls, what is saved opens again, one seed gives one result, and so on. Each fault is told with
    what to do; what cannot be tried here is told, too. Nothing is downloaded. Exit code 2 if there
    is a fault.
    """
    from slp_core.errors import UserError
    from slp_core.testing import heavy_imports

    chosen = _chosen(names, kind)
    if not chosen:
        raise UserError("no such part is installed")
    told = []
    with _progress(len(chosen)) as show:
        heavy_imports(entry.entry_point.module for entry in chosen)
        for entry in chosen:
            one = _examined(entry)
            told.append(one)
            show(one, as_json)
    broken = sum(bool(one["faults"]) for one in told)
    if as_json:
        import json

        click.echo(json.dumps({"ok": not broken, "parts": told}, indent=2, ensure_ascii=False))
    else:
        click.echo(_summary(told, broken))
    if broken:
        click.get_current_context().exit(2)


def _chosen(names: Sequence[str], kind: str | None) -> list[Entry]:
    """The parts that are meant; all of them where none is named.

    Raises:
        UserError: a name means no part, or there is no such kind.
    """
    from slp_core import registry
    from slp_core.errors import UserError, did_you_mean
    from slp_core.spec import KINDS

    if kind is not None and kind not in KINDS:
        raise UserError(f'--kind: there is no kind "{kind}"{did_you_mean(kind, KINDS)}')
    entries = [entry for entry in registry.entries() if kind in (None, entry.kind)]
    if not names:
        return entries
    chosen: dict[Entry, None] = {}
    for name in names:
        found = [entry for entry in entries if name in _names(entry)]
        if not found:
            of_kind = f" of the kind {kind}" if kind else ""
            raise UserError(f'"{name}" is no installed part{of_kind}{nearest(name, entries)}')
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _names(entry: Entry) -> tuple[str, ...]:
    """How it may be called: as in a recipe, or with its kind before it."""
    own = entry.name, entry.long_name
    return (*own, *(f"{entry.kind}:{name}" for name in own))


def _examined(entry: Entry) -> dict[str, Any]:
    from slp_core.errors import UserError
    from slp_core.testing import examine

    told: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "package": entry.distribution,
        "version": entry.version,
        "faults": [],
        "untried": [],
    }
    try:
        with _quiet():
            found = examine(entry.load())
    except UserError as error:
        return {**told, "faults": [f"spec: {error}"]}
    return {**told, "faults": found.faults, "untried": found.untried}


@contextmanager
def _quiet() -> Iterator[None]:
    """What libraries say of small random models is nobody's concern; nothing is downloaded."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # tensors are small
    with Path(os.devnull).open("w") as no, redirect_stderr(no), redirect_stdout(no):
        yield


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A function to be called with what was found of each part, which prints it above a bar."""
    from slp_train.progress import bar

    with bar("checking") as progress:
        progress.begin(0, total)
        progress.show()  # the first part imports torch, which takes seconds
        done = 0

        def show(one: dict[str, Any], as_json: bool) -> None:
            nonlocal done
            done += 1
            if not as_json:
                progress.clear()
                _print(one)
            progress(done, total)
            progress.show()

        yield show


def _print(one: dict[str, Any]) -> None:
    name = f"{one['kind']:<10} {one['name']:<20}"
    if one["faults"]:
        click.echo(f"{name} {click.style(_counted(len(one['faults']), 'fault'), fg='red')}")
    else:
        click.echo(f"{name} {click.style('ok', fg='green')}")
    for fault in one["faults"]:
        click.echo(f"  {fault}")
    for reason in one["untried"]:
        if "no GPU is here" not in reason:  # told once, at the end
            click.echo(click.style(f"  {reason}", dim=True))


def _summary(told: list[dict[str, Any]], broken: int) -> str:
    said = f"{_counted(len(told), 'part')}, {broken or 'none'} with faults"
    if any("no GPU is here" in reason for one in told for reason in one["untried"]):
        said += "; no GPU is here: moving was tried to the meta device alone"
    return said


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("s" if number != 1 else "")
