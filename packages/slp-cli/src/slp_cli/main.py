"""The entry point. Listing commands imports none of them; a mistake of the user's exits with 2."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from slp_cli.groups import Group
from slp_core.errors import UserError

#: Our commands in the order of the work, with their one-line help.
COMMANDS = {
    "check": "Check that a recipe's parts exist, are configured well and fit together.",
    "build": "Print the pipeline a recipe composes, and write it with -o.",
    "extract": "Encode a recipe's clips once, with the encoders that it never trains.",
    "train": "Train a recipe's stages, evaluate, and write a report.",
    "translate": "Translate files with a trained pipeline.",
    "evaluate": "Score a trained pipeline on a split, beside its blindness controls.",
    "serve": "Show a trained pipeline as a page: drop a clip, read the sentence.",
    "report": "Write a run's report as one HTML file.",
    "card": "Write a pipeline's model card: what it is, is worth, and is not for.",
    "push": "Push a pipeline with its card to the Hugging Face hub.",
    "data": "Make, import and check manifests.",
    "annotate": "Add columns to manifests: pseudo-glosses, phonemes, letters of names.",
    "features": "Look into a feature cache, check it, and write it for other programs.",
    "recipe": "Write the JSON Schema by which editors complete and check recipes.",
    "plugins": "What is installed, from where, and how it is used.",
}


class LazyGroup(Group):
    """Commands by name: ours, then those that packages register under ``slp.command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(set(_registered()) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            return import_module(f"slp_cli.commands.{name}").command
        if name in _registered():
            from slp_core import registry

            return registry.find("command", name).load().load()  # type: ignore[return-value]
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        others = {n: f"(from {d})" for n, d in sorted(_registered().items()) if n not in COMMANDS}
        rows = list({**COMMANDS, **others}.items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _registered() -> dict[str, str]:
    """Commands of installed packages and the package each comes from."""
    from slp_core import registry

    return {entry.name: entry.distribution for entry in registry.of_kind("command")}


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Results go to stdout, everything else to stderr. "
    "Exit code 2: something to mend in the input; 1: a fault of ours.",
)
@click.version_option(package_name="slp-cli", prog_name="slp")
def cli() -> None:
    """Sign language processing from recipes.

    \b
    slp train recipes/quickstart.toml
    slp translate runs/quickstart clip.pose
    """


def main() -> None:
    """Run the command; a :class:`UserError` and a full disk are one message, not a traceback."""
    try:
        code = cli(standalone_mode=False)
    except UserError as error:
        _fail(str(error))
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # any library may meet a full disk; all else is raised again
        from slp_core.files import disk_is_full, full_disk_message

        if not disk_is_full(error):
            raise
        _fail(full_disk_message(getattr(error, "filename", None) or "a file"))
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    colour = None if os.environ.get("NO_COLOR") else "red"
    click.echo(click.style("error: ", fg=colour, bold=True) + message, err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
