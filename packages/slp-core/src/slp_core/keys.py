"""What a recipe may write: the keys of a configuration, and those of a recipe that stands there.

No torch. Specs of the parts that are named are loaded, and no others.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import frozen

from slp_core import registry
from slp_core.errors import UserError
from slp_core.inner import Inner
from slp_core.recipe import Recipe, Use
from slp_core.schema import said, unstructure


@frozen
class Key:
    """One key: ``name`` is dotted inside tables (``lora.rank``), ``default`` is as a recipe
    writes it, None where the key may be left out without one."""

    name: str
    type: str  #: "integer", '"mean" | "gru"', "a decoder"
    required: bool
    default: Any
    help: str


def keys(config: type, prefix: str = "") -> Iterator[Key]:
    """The keys of a configuration; those of a table in it follow it, and those of a part in it
    that is meant where none is named."""
    for name, one in fields(config).items():
        default = default_of(one)
        table = table_of(one.type)
        yield Key(
            f"{prefix}{name}",
            type_words(one),
            one.default is attrs.NOTHING,
            None if table or default is attrs.NOTHING else default,
            one.metadata.get("help", ""),
        )
        if table:
            yield from keys(table, f"{prefix}{name}.")
        if "part" in one.metadata:
            use = one.metadata.get("use")
            told = f"which {one.metadata['part']}; its keys stand beside"
            yield Key(f"{prefix}{name}.use", "string", use is None, use, told)
            if meant := _config_of(one.metadata, {}):
                yield from keys(meant, f"{prefix}{name}.")


def fields(config: type) -> dict[str, Any]:
    """The attrs fields of a class by the keys that a recipe writes."""
    attrs.resolve_types(config)
    return {one.name.removesuffix("_"): one for one in attrs.fields(config) if one.init}


def default_of(one: Any) -> Any:
    """The default of a field as a recipe writes it; ``attrs.NOTHING`` if it is required."""
    default = one.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    return default if default is attrs.NOTHING else unstructure(default)


def table_of(kind: Any) -> type | None:
    """The attrs class of a key whose value is a table of named keys."""
    found = [one for one in choices(kind) if attrs.has(one) and one not in (Inner, Use)]
    return found[0] if found else None


def choices(kind: Any) -> tuple[Any, ...]:
    """The types of a union, None left out: what TOML cannot write."""
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(one for one in get_args(kind) if one is not type(None))
    return (kind,)


_WORDS = {bool: "true or false", int: "integer", float: "number", str: "string", Any: "anything"}


def type_words(one: Any) -> str:
    """What a field takes: ``integer``, ``list of string``, ``"mean" | "gru"``, ``a decoder``."""
    if "part" in one.metadata:
        return f"{'an' if one.metadata['part'][0] in 'aeiou' else 'a'} {one.metadata['part']}"
    return " | ".join(map(_words, choices(one.type)))


def _words(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(map(said, inner))
    if origin is list or (origin is tuple and inner[-1] is Ellipsis):
        return f"list of {_words(inner[0])}"
    if origin is tuple:
        return f"list of {len(inner)}: {', '.join(map(_words, inner))}"
    return _WORDS.get(kind, "table")


def sections() -> dict[str, Any]:
    """The attrs fields of a recipe's own tables, by the names that it writes."""
    found = {("recipe" if name == "header" else name): one for name, one in fields(Recipe).items()}
    del found["source"]
    return found


def settings(table: Mapping[str, Any]) -> dict[str, str]:
    """Every key that ``--set`` may write into this recipe, with its help: those of its tables, of
    its stages, and of the parts that it names (``decoder.lora.rank``)."""
    found: dict[str, str] = {}
    for name, one in sections().items():
        _note(one, table.get(name), name, found)
    return found


def _note(one: Any, value: Any, key: str, found: dict[str, str]) -> None:
    """Note a field and what is below it, where ``value`` is what stands there."""
    found[key] = one.metadata.get("help", "")
    for kind in choices(one.type):
        _note_below(kind, one.metadata, value, key, found)


def _note_below(
    kind: Any, metadata: Mapping[str, str], value: Any, key: str, found: dict[str, str]
) -> None:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is list and isinstance(value, list):
        for number, one in enumerate(value):
            _note_below(inner[0], metadata, one, f"{key}.{number}", found)
    elif origin is dict and isinstance(value, Mapping):
        for name, one in value.items():
            _note_below(inner[1], metadata, one, f"{key}.{name}", found)
    elif kind in (Use, Inner):
        if isinstance(value, Mapping) and (config := _config_of(metadata, value)):
            found[f"{key}.use"] = f"which {metadata.get('kind') or metadata['part']}"
            _note_table(config, value, key, found)
    elif attrs.has(kind) and (value is None or isinstance(value, Mapping)):
        _note_table(kind, value or {}, key, found)


def _note_table(config: type, value: Mapping[str, Any], key: str, found: dict[str, str]) -> None:
    for name, one in fields(config).items():
        if one.type is Use and name == "part":  # its keys stand beside the others
            _note_below(Use, one.metadata, value, key, found)
        else:
            _note(one, value.get(name), f"{key}.{name}", found)


def _config_of(metadata: Mapping[str, str], value: Mapping[str, Any]) -> type | None:
    """The configuration of the part whose table stands there; None if none can be found."""
    name = value.get("use", metadata.get("use"))
    try:
        entry = registry.find(metadata.get("kind") or metadata["part"], name) if name else None
        return entry.load().config if entry else None
    except UserError:
        return None
