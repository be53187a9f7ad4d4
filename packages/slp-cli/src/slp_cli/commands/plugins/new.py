"""``slp plugins new``: a package with a working part, to begin from."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from slp_cli import completion

#: What the part of each kind does before it is made another one, and where its code lies.
DOES = {
    "processor": "lines of numbers, as an accelerometer writes them",
    "encoder": "each step beside its change since the step before",
    "tokenizer": "each step's nearest of random directions, which are never trained",
    "mapper": "the mean of every so many steps",
    "fusion": "the sum of the streams, each with a weight that is learnt",
    "decoder": "letters, by a GRU that begins with the mean of the steps",
    "objective": "what changes from step to step costs",
    "annotator": "sentences in lower case, without punctuation",
    "corpus": "a folder of clips with a table, in which two signers are held out",
    "metric": "how many words stand in both, wherever they stand",
    "command": "counts the words of a manifest",
}
_HEAVY = {"processor": "reader", "corpus": "importer", "command": "command"}
_NEEDS = {
    "processor": ["numpy>=1.26", "slp-core"],
    "annotator": ["slp-core"],
    "corpus": ["slp-core"],
    "metric": ["numpy>=1.26", "slp-train"],
    "command": ["click>=8.1", "slp-core"],
}
_PLACES = {
    "pyproject.toml.jinja": "pyproject.toml",
    "README.md.jinja": "README.md",
    "gitignore.jinja": ".gitignore",
    "ci.yml.jinja": ".github/workflows/ci.yml",
    "init.py.jinja": "src/{module}/__init__.py",
    "py.typed.jinja": "src/{module}/py.typed",
    "test.py.jinja": "tests/test_{module}.py",
}
LONGEST = 24  #: letters of a name: lines with it stay within 100


@click.command(
    name="new",
    epilog="Examples: slp plugins new velocity --kind encoder; "
    "slp plugins new my-corpus --kind corpus --folder work/my-corpus",
)
@click.argument("name")
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    shell_complete=completion.kinds,
    help=f"What it is to be: {', '.join(DOES)}.",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the package is written [slp-NAME]."
)
def command(name: str, kind: str, folder: Path | None) -> None:
    """Write a package with a part NAME that works, is tested, and is yours to change."""
    check_name(name, kind)
    package = f"slp-{name}"
    folder = folder or Path(package)
    write_package(name, kind, folder)
    click.echo(f"{folder}: the {kind} {name}; next:", err=True)
    click.echo(f"cd {folder} && uv pip install -e .")
    click.echo(f"slp plugins check {name}")
    click.echo(f"slp plugins show {kind}:{name}" if kind != "command" else f"slp {name} --help")


def check_name(name: str, kind: str) -> None:
    """Refuse what can be no name of a package, or is one already.

    Raises:
        UserError: with what is expected.
    """
    import keyword
    import re
    from importlib.util import find_spec

    from slp_core import registry
    from slp_core.errors import UserError, did_you_mean
    from slp_core.spec import KINDS

    if kind not in KINDS:
        said = f'there is no kind "{kind}"' if kind else "is missing"
        raise UserError(f"--kind: {said}{did_you_mean(kind, KINDS)}")
    if keyword.iskeyword(name):
        raise UserError(f'"{name}" is a word of Python; choose another name')
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UserError(
            f'"{name}" is no name: lower-case letters, digits and single hyphens are expected, a '
            "letter first, as half-rate"
        )
    if len(name) > LONGEST:
        raise UserError(f'"{name}" has {len(name)} letters, at most {LONGEST} are expected')
    for entry in registry.of_kind(kind):
        if entry.name == name:
            raise UserError(
                f"the {kind} {name} is there already, from {entry.distribution}; "
                "choose another name"
            )
    if find_spec(_module(name)) is not None:
        raise UserError(f"the package slp-{name} is installed already; choose another name")


def write_package(name: str, kind: str, folder: Path) -> None:
    """Write the package into ``folder``, whole or not at all.

    Raises:
        UserError: the folder is there already.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from slp_core.errors import UserError
    from slp_core.files import whole_folder

    if folder.exists():
        raise UserError(f"{folder}: is there already; write --folder for another place")
    templates = Environment(
        loader=PackageLoader("slp_cli", "templates/plugin"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    module = _module(name)
    words = {
        "name": name,
        "kind": kind,
        "package": f"slp-{name}",
        "module": module,
        "cls": "".join(word.capitalize() for word in name.split("-")),
        "does": DOES[kind],
        "heavy": _HEAVY.get(kind, "model"),
        "needs": [_bounded(need) for need in _NEEDS.get(kind, ["slp-core[torch]"])],
    }
    with whole_folder(folder) as beside:
        for template in templates.list_templates(
            filter_func=lambda path: path.startswith(("package/", f"{kind}/"))
        ):
            last = template.rpartition("/")[2]
            place = _PLACES.get(last, f"src/{{module}}/{last.removesuffix('.jinja')}")
            file = beside / place.format(module=module)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(templates.get_template(template).render(words), encoding="utf-8")


def _bounded(need: str) -> str:
    """A package of ours within the installed one's series: 0.1.*, for another may promise less."""
    ours = need.partition("[")[0]
    return f"{need}~={version(ours)}" if ours.startswith("slp-") else need


def _module(name: str) -> str:
    return f"slp_{name.replace('-', '_')}"
