"""What the shell completes besides commands and options: parts, keys of recipes, recipes, runs.

Nothing is said where something is wrong: the command itself will say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from slp_core.spec import KINDS

    return _those(KINDS, incomplete)


def parts(kind: str) -> Completer:
    """The names of the parts of a kind, which may hold the package too."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from slp_core import registry

        long = ":" in incomplete
        entries = registry.of_kind(kind)
        return _those(
            {one.long_name if long else one.name: one.distribution for one in entries}, incomplete
        )

    return complete


def any_part(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of all parts, behind a kind those of the kind."""
    from slp_core import registry
    from slp_core.spec import KINDS

    words = ctx.params.get(param.name or "") or ()
    kind, colon, _ = incomplete.partition(":")
    if words and words[0] in KINDS:
        return parts(words[0])(ctx, param, incomplete)
    if colon and kind in KINDS:
        return _those({f"{kind}:{one.name}": one.distribution for one in registry.of_kind(kind)},
                      incomplete)  # fmt: skip
    return _those(
        dict.fromkeys(KINDS, "a kind") | {one.name: one.kind for one in registry.entries()},
        incomplete,
    )


def settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The keys that ``--set`` may write into the recipe, or the run's, that stands before it."""
    from slp_core.errors import UserError
    from slp_core.keys import settings as keys_of
    from slp_core.recipe_file import RECIPE, read_source

    file = Path(_first(ctx))
    try:
        table = read_source(file / RECIPE if file.is_dir() else file).table
    except UserError:
        return []
    return _those(keys_of(table), incomplete)


def _first(ctx: click.Context) -> str:
    """The first argument. click has not named it yet: the option that is completed has no value."""
    return ctx.args[0] if ctx.args else ""


def keys(kind: str, option: str = "") -> Completer:
    """The keys of the part of a kind that an option names, or the first argument."""

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from slp_core import registry
        from slp_core.errors import UserError
        from slp_core.keys import keys as keys_of

        try:
            name = ctx.params.get(option) if option else _first(ctx)
            config = registry.find(kind, name or "").load().config
        except UserError:
            return []
        return _those({key.name: key.help for key in keys_of(config)}, incomplete)

    return complete


def recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The recipes below ``recipes``, and files where none of them begins like this."""
    found = sorted(map(str, Path("recipes").rglob("*.toml")))
    return _those(found, incomplete) or [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The runs below ``runs``, and folders where none of them begins like this."""
    found = sorted(str(file.parent) for file in Path("runs").glob("*/recipe.toml"))
    return _those(found, incomplete) or [CompletionItem(incomplete, type="dir")]


def _those(words: Mapping[str, str] | Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The words, with their help, that begin like what is written."""
    helps = words if isinstance(words, Mapping) else dict.fromkeys(words, "")
    return [
        CompletionItem(word, help=told or None)
        for word, told in helps.items()
        if word.startswith(incomplete)
    ]
