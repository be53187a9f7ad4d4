"""Keys: each is documented, and what is badly written is refused by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from slp_core.inner import Inner
from slp_core.keys import fields
from slp_core.schema import Bad, structure
from slp_core.testing.findings import Findings

UNKNOWN = "no_such_key"

#: Something that a recipe can write and that is of none of the other types.
_WRONG: dict[Any, Any] = {
    str: 7, bool: "true", int: "7", float: "7.0", list: "no list", tuple: "no list", dict: 7,
    Literal: "no such choice",
}  # fmt: skip


def examine_keys(config: type, found: Findings) -> None:
    """Every key has help and a type, tables inside tables too."""
    for key, one in keys(config):
        if not one.metadata.get("help"):
            found.fault(
                "help",
                f'the key "{key}" has no help; write '
                f'{key.rpartition(".")[2]}: ... = field(metadata={{"help": "..."}})',
            )
        if one.type in (None, Any):
            found.fault("config", f'the key "{key}" takes anything; annotate its type')


def examine_refusals(config: type, table: Mapping[str, Any], found: Findings) -> None:
    """``table`` is taken; with a key too many, one too few, or one of another type, it is refused
    by the name of the key."""
    _refused(config, {**table, UNKNOWN: 1}, UNKNOWN, "an unknown key", found)
    for key, one in keys(config, nested=False):
        if one.type in (None, Any):
            continue
        wrong = _wrong(one.type)
        written = f'a {type(wrong).__name__}, "{wrong}",' if isinstance(wrong, str) else f"{wrong}"
        _refused(config, {**table, key: wrong}, key, f"{written} for {_called(one.type)}", found)
        if one.default is attrs.NOTHING:
            less = {name: value for name, value in table.items() if name != key}
            _refused(config, less, key, "a table without it", found)


def keys(config: type, prefix: str = "", nested: bool = True) -> Iterator[tuple[str, Any]]:
    """Each key of a configuration with its attrs field, and those of tables in it."""
    for name, one in fields(config).items():
        yield prefix + name, one
        for kind in _kinds(one.type) if nested else ():
            if attrs.has(kind) and kind is not Inner:
                yield from keys(kind, f"{prefix}{name}.")


def problems_of(config: type, table: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """The configuration that the table means (None if none), and what is wrong with it, by key."""
    problems: dict[str, str] = {}

    def report(key: str, message: str) -> None:
        problems[key] = message

    try:
        return structure(table, config, "", report), problems
    except Bad:
        return None, problems


def _refused(config: type, table: Mapping[str, Any], key: str, what: str, found: Findings) -> None:
    try:
        made, problems = problems_of(config, table)
    except Exception as error:
        found.fault(
            "config",
            f'the key "{key}": {what} raises {type(error).__name__}: {error}; '
            "a validator raises ValueError with what is expected",
        )
        return
    if made is not None:
        found.fault("config", f'the key "{key}": {what} is taken; refuse it with a validator')
    elif not any(key in place or key in said for place, said in problems.items()):
        said = "; ".join(f"{place}: {text}" for place, text in problems.items())
        found.fault("config", f'the key "{key}": {what} is refused without its name: {said}')


def _kinds(kind: Any) -> tuple[Any, ...]:
    """The classes of a union, or the one; what lists hold."""
    if get_origin(kind) in (Union, UnionType, list, tuple):
        return tuple(inner for one in get_args(kind) for inner in _kinds(one))
    return (kind,)


def _wrong(kind: Any) -> Any:
    """A value of none of the types that a key may have."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    tables = [one for one in kinds if attrs.has(one) or (get_origin(one) or one) is dict]
    if len(kinds) == 1 and not tables:
        return _WRONG.get(get_origin(kind) or kind, {"no": "table"})
    return [["no such value"]] if tables else {"no": "table"}


def _called(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
