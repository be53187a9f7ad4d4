"""Reading a recipe: its file, what it extends, and the settings given on the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slp_core.errors import Problem, RecipeError, UserError
from slp_core.files import read_text
from slp_core.recipe import Recipe, Source
from slp_core.recipe_tables import structure_recipe
from slp_core.toml_lines import key_lines, line_of

RECIPE = "recipe.toml"  #: the resolved one, in the folder of a run or a saved pipeline


def load_recipe(file: Path | str, settings: Sequence[str] = ()) -> Recipe:
    """Read, merge (``extends``, then ``settings`` as ``key.path=value``) and structure a recipe.

    Raises:
        RecipeError: with every problem found.
    """
    return structure_recipe(read_source(Path(file), settings))


def parse_recipe(text: str, file: str = RECIPE) -> Recipe:
    """A recipe from its text alone (no ``extends``)."""
    return structure_recipe(_parse(text, file))


def read_source(file: Path, settings: Sequence[str] = ()) -> Source:
    """The merged tables of a recipe, not yet structured.

    Raises:
        UserError: a file is absent or no TOML, or a setting names no place in the recipe.
    """
    source = _extended(file, [])
    table, places = source.table, dict(source.places)
    problems = []
    for setting in settings:
        try:
            key = _apply(table, setting)
        except ValueError as error:
            problems.append(Problem("--set", setting, str(error)))
        else:
            places = {k: v for k, v in places.items() if not k.startswith(f"{key}.")}
            places[key] = "--set"
    if problems:
        raise RecipeError(problems)
    return Source(source.file, table, places)


def _extended(file: Path, seen: list[Path]) -> Source:
    try:
        text = read_text(file)
    except FileNotFoundError:
        raise UserError(f"{file}: there is no such recipe") from None
    source = _parse(text, str(file))
    base = source.table.pop("extends", None)
    if base is None:
        return source
    where = source.where("extends")
    if not isinstance(base, str):
        raise RecipeError([Problem(where, "extends", "the path of a recipe is expected")])
    path = file.parent / base
    if path.resolve() in [one.resolve() for one in [*seen, file]]:
        raise RecipeError([Problem(where, "extends", f"{path} extends itself")])
    if not path.is_file():
        raise RecipeError([Problem(where, "extends", f"there is no recipe {path}")])
    under = _extended(path, [*seen, file])
    places = {**under.places, **source.places}
    return Source(source.file, _merge(under.table, source.table), places)


def _parse(text: str, file: str) -> Source:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"at line (\d+)", str(error))
        where = f"{file}:{told[1]}" if told else file
        raise UserError(f"{where}: is not TOML, as a recipe should be: {error}") from error
    places = {key: f"{file}:{line}" for key, line in key_lines(text).items()}
    lines = key_lines(text)
    for key in _paths(table):
        if key not in places and (line := line_of(lines, key)):
            places[key] = f"{file}:{line}"
    return Source(file, table, places)


def _paths(value: Any, key: str = "") -> list[str]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    paths = [key] if key else []
    for name, inner in items:
        paths += _paths(inner, f"{key}.{name}" if key else str(name))
    return paths


def _merge(under: Any, over: Any) -> Any:
    """Tables merge, a table that names another part (``use``) and everything else replaces."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    if "use" in over and over["use"] != under.get("use"):
        return over
    return {**under, **{key: _merge(under.get(key), value) for key, value in over.items()}}


def _apply(table: dict[str, Any], setting: str) -> str:
    key, equals, written = setting.partition("=")
    key = key.strip()
    *parents, last = words = key.split(".")
    if not equals or not all(words):
        raise ValueError("is no key.path=value")
    value = written_value(written)
    node: Any = table
    for word in parents:
        node = _step(node, word, setting)
    if isinstance(node, list):
        node[_index(node, last)] = value
    elif isinstance(node, dict):
        node[last] = value
    else:
        raise ValueError(f'"{parents[-1]}" is no table')
    return key


def written_value(written: str) -> Any:
    """What stands behind ``=`` in a setting: as TOML writes it, else a string."""
    try:
        table = tomllib.loads(f"value = {written}")
    except ValueError:  # no TOML, or a number of more digits than Python reads
        return written
    return table["value"] if len(table) == 1 else written  # several lines may be several keys


def _step(node: Any, word: str, setting: str) -> Any:
    if isinstance(node, list):
        return node[_index(node, word)]
    if isinstance(node, dict):
        return node.setdefault(word, {})
    raise ValueError(f'"{word}" is inside a value')


def _index(node: list[Any], word: str) -> int:
    if not word.isdecimal() or int(word) >= len(node):
        raise ValueError(f'"{word}" is no index of a list of {len(node)}')
    return int(word)
