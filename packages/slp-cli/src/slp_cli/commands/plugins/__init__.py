"""``slp plugins``: what is installed, what it takes and gives, and what is wrong with it."""

from __future__ import annotations

import click

from slp_cli.commands.plugins import check, listing, new, show
from slp_cli.groups import Group


@click.group(name="plugins", cls=Group)
def command() -> None:
    """List the installed parts, look at one, check them, and begin a package of your own.

    \b
    slp plugins --kind encoder
    slp plugins show clip
    slp plugins check
    slp plugins new velocity --kind encoder
    """


command.default = "list"
for one in (listing, show, check, new):
    command.add_command(one.command)
