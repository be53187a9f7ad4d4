"""The documentation's site: docs/, pages made from the code and the recipes, built strictly.

    uv run --group docs python docs/site/build.py

writes ``build/site``, which fetches nothing from elsewhere and can be read as files. What docs/
links to outside of itself (a recipe, an example) becomes a page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

from links import broken
from reference import api, reference

ROOT = Path(__file__).parents[2]
DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build/docs", ROOT / "build/site"
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=[)#])")

#: A page that is read as a file may start no worker from another file, but one from its text.
WORKER = """if (location.protocol === "file:") {
  const text = %s;
  window.Worker = class extends Worker {
    constructor() { super(URL.createObjectURL(new Blob([text]))); }
  };
}
"""


def main() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    for file in sorted(DOCS.rglob("*")):
        if file.suffix == ".md":
            put(file.relative_to(DOCS), relinked(file, file.relative_to(DOCS)))
        elif file.suffix in (".svg", ".css"):
            put(file.relative_to(DOCS), file.read_text(encoding="utf-8"))
    for file in (*ROOT.glob("C*.md"), *ROOT.glob("packages/*/README.md")):
        put(page_of(file), relinked(file, page_of(file)))
    for folder in (ROOT / "recipes", ROOT / "recipes/tiny"):
        put_recipes(folder)
    put_example(ROOT / "examples/slp-hello")
    for page, text in (*reference(), api()):
        put(page, text)
    workers = files("zensical").joinpath("templates/assets/javascripts/workers")
    (search,) = (file for file in workers.iterdir() if file.name.startswith("search."))
    put("site/iframe-worker.js", WORKER % json.dumps(search.read_text(encoding="utf-8")))

    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    if code := subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(code)
    if faults := list(broken(SITE)):
        sys.exit("\n".join(faults))


def put(page: Path | str, text: str) -> None:
    """Write a page of the site, by its path in the site."""
    (PAGES / page).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / page).write_text(text, encoding="utf-8")


def relinked(file: Path, page: Path) -> str:
    """A Markdown file whose links out of docs/ lead to the pages of their targets."""

    def to_page(link: re.Match[str]) -> str:
        target = (file.parent / link[1]).resolve()
        at = target.relative_to(DOCS) if target.is_relative_to(DOCS) else page_of(target)
        return Path(os.path.relpath(at, page.parent)).as_posix()

    return LINK.sub(to_page, file.read_text(encoding="utf-8"))


def page_of(target: Path) -> Path:
    """The page of what lies outside of docs/."""
    path = target.relative_to(ROOT)
    if target.is_dir():
        return path / "index.md"
    return path if target.suffix == ".md" else path.with_name(f"{path.name}.md")


def fenced(file: Path) -> str:
    return f"```{file.suffix[1:]}\n{file.read_text(encoding='utf-8').rstrip()}\n```\n"


def put_recipes(folder: Path) -> None:
    """A page for every recipe of a folder, and one that lists them."""
    rows = ["| recipe | | paper |", "|---|---|---|"]
    for file in sorted(folder.glob("*.toml")):
        put(page_of(file), f"# {file.stem}\n\n`{file.relative_to(ROOT)}`\n\n{fenced(file)}")
        text = file.read_text(encoding="utf-8")
        _, *said = re.findall(r"^# (.*)$", text.partition("\n[")[0], re.M)
        first, *_ = " ".join(said).split(". ")
        paper = tomllib.loads(text).get("recipe", {}).get("paper", "")
        rows.append(f"| [{file.stem}]({file.name}.md) | {first.rstrip('.')}. | {paper} |")
    title = "Shipped recipes" if folder.name == "recipes" else "Tiny recipes"
    put(page_of(folder), f"# {title}\n\n" + "\n".join(rows) + "\n")


def put_example(folder: Path) -> None:
    """A page of an example: its README, then its files."""
    shown = (file for file in sorted(folder.rglob("*")) if file.suffix in (".py", ".toml"))
    listed = (f"`{file.relative_to(folder)}`\n\n{fenced(file)}" for file in shown)
    put(page_of(folder), "\n".join([(folder / "README.md").read_text(encoding="utf-8"), *listed]))


if __name__ == "__main__":
    main()
