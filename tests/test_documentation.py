"""What the documentation says is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from slp_cli.main import cli
from slp_core import registry
from slp_core.check import check, matches
from slp_core.errors import RecipeError
from slp_core.hooks import Hooks
from slp_core.recipe_file import load_recipe, parse_recipe

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md"),
                *ROOT.glob("examples/*/README.md")])  # fmt: skip


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def all_blocks(language: str) -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), block)
        for page in PAGES
        if page.name != "tutorial.md"  # test_tutorial.py runs it as a whole
        for block in blocks(page, language)
    ]


def test_the_gate_runs_the_readmes_second_command():
    _, second, *_ = blocks(ROOT / "README.md", "bash")
    assert second.strip() in (ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize(("page", "code"), all_blocks("python"))
def test_python_blocks_run(page, code, home, monkeypatch, tmp_path):
    monkeypatch.chdir(home)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(("page", "text"), all_blocks("toml"))
def test_recipe_blocks_check(page, text, home):
    if text.startswith("extends"):
        beside = home / "recipes/of-the-documentation.toml"
        beside.write_text(text, encoding="utf-8")
        check(load_recipe(beside))
    elif "[recipe]" in text:
        check(parse_recipe(text, page))
    elif not re.match(r"\s*\[(project|tool)\b", text):  # some tables of a recipe
        with pytest.raises(RecipeError) as caught:
            parse_recipe(text, page)
        elsewhere = ("is missing", "there is no stream", "either `signal`")
        told = [str(one) for one in caught.value.problems]
        assert [one for one in told if not any(words in one for words in elsewhere)] == []


COMMANDS = [
    (page, line)
    for page, block in all_blocks("bash")
    for line in block.splitlines()
    if line.startswith("slp ")
]
#: Long, or about files that only a user has.
NOT_RUN = (
    "slp annotate data/phoenix14t",
    "slp check --meta",
    "slp train",
    "slp evaluate runs/phoenix",
    "slp evaluate runs/tiny-signbind",
    "slp translate runs/phoenix",
    "slp extract",
    "slp features",
    "slp data import",
    "slp data pose",
    "slp data synth",
    "slp plugins new",
    "slp push",
    "slp report runs/quickstart runs/other",
    "slp serve",
    "slp translate owner/name",
)


def read_by_its_command(arguments: list[str]) -> None:
    """Read arguments as the command does that they name, and run nothing."""
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(click.Context(command), arguments)
    assert command is not None
    command.make_context(name, arguments)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_run(page, line, slp, home, monkeypatch):
    arguments = shlex.split(line, comments=True)[1:]
    if line.startswith(NOT_RUN):
        monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)  # none is there
        read_by_its_command(arguments)
        recipes = [word for word in arguments if word.startswith("recipes/")]
        assert [word for word in recipes if not (ROOT / word).is_file()] == []
        return
    if "recipes/*.toml" in arguments:
        arguments.remove("recipes/*.toml")
        arguments += map(str, sorted((home / "recipes").glob("*.toml")))
    small = {"recipes/quickstart.toml": "recipes/tiny/multimodalhugs-pose.toml"}
    slp(*[small.get(word, word) for word in arguments])


@pytest.mark.parametrize("line", [line for _, line in COMMANDS if line.startswith("slp extract")])
def test_there_is_something_to_extract(line):
    """Some encoder stays frozen in every stage, in a recipe that is said to be extracted."""
    recipe = check(load_recipe(ROOT / shlex.split(line)[2])).recipe
    trained = [pattern for stage in recipe.stages for pattern in (*stage.train, *stage.fit)]
    encoders = [f"streams.{name}.encoder" for name, one in recipe.streams.items() if one.signal]
    assert not all(any(matches(one, path) for one in trained) for path in encoders)


@pytest.mark.parametrize("folder", (ROOT / "packages").iterdir(), ids=lambda folder: folder.name)
def test_a_package_names_its_parts(folder):
    """In the row of their kind, where its page has a table of them."""
    said = (folder / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| (.*)", said, re.M))
    ours = [one for one in registry.entries() if one.distribution == folder.name]
    assert [str(one) for one in ours if f"`{one.name}`" not in rows.get(one.kind, said)] == []


def test_every_hook_is_named():
    said = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    hooks = [name for name in vars(Hooks) if name.startswith("slp_")]
    assert hooks and [name for name in hooks if f"`{name}`" not in said] == []


def links(page: Path) -> list[str]:
    """Where a page leads, but for other sites and what docs/site/build.py makes."""
    found = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    return [one for one in found if not re.match(r"\w+://|(\.\./)?reference/", one)]


def test_links_lead_somewhere():
    wrong = [f"{page.name}: {one}" for page in PAGES for one in links(page)
             if not (page.parent / one).exists()]  # fmt: skip
    assert wrong == []


def test_every_page_is_led_to():
    led_to = {(page.parent / one).resolve() for page in PAGES for one in links(page)}
    led_to |= {folder / "README.md" for folder in led_to} | {ROOT / "README.md"}
    led_to.add(ROOT / "docs/index.md")  # where the site begins
    written = {*PAGES, *ROOT.glob("packages/*/src/**/*.md")}
    assert [str(page.relative_to(ROOT)) for page in sorted(written - led_to)] == []
