"""Groups of commands that meet an unknown name with the nearest."""

from __future__ import annotations

import click


class Group(click.Group):
    """A group of commands; one that is not there is met with the nearest.

    ``default``: the command that is meant where none is named.
    """

    default: str | None = None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asked = args and (args[0] in ctx.help_option_names or not args[0].startswith("-"))
        if self.default and not asked and (args or not ctx.resilient_parsing):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from slp_core.errors import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f'there is no command "{args[0]}"{hint}', ctx) from error
