"""Strict structuring: a table of a recipe into an attrs class, every problem collected.

cattrs coerces (``"512"`` to 512, ``2.7`` to 2, ``"false"`` to True) and reports the first failed
validator only, so classes are read field by field here; cattrs turns them back into tables.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from cattrs import Converter

from slp_core import registry
from slp_core.errors import UserError, did_you_mean
from slp_core.inner import Inner

Report = Callable[[str, str], None]  #: (key path, message)

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


class Bad(Exception):
    """A value could not be structured; the problem has been reported."""


def structure(value: Any, kind: Any, key: str, report: Report) -> Any:
    """Make a ``kind`` of what was written at ``key``.

    Raises:
        Bad: after every problem has gone to ``report``.
    """
    origin = get_origin(kind)
    if attrs.has(kind):
        return _structure_class(value, kind, key, report)
    if origin is Literal:
        return _choice(value, get_args(kind), key, report)
    if origin in (Union, types.UnionType):
        return _structure_union(value, get_args(kind), key, report)
    if origin in (list, tuple):
        return _structure_list(value, kind, key, report)
    if origin is dict:
        _require(isinstance(value, Mapping), value, "a table", key, report)
        inner = get_args(kind)[1]
        return _each(value, lambda name, one: structure(one, inner, f"{key}.{name}", report))
    if kind is Any:
        return value
    if kind is dict:
        _require(isinstance(value, Mapping), value, "a table", key, report)
        return value
    if kind is float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        _require(good, value, _NAMES[float], key, report)
        _require(abs(value) <= sys.float_info.max, value, "a finite number", key, report)
        return float(value)
    _require(type(value) is kind, value, _NAMES.get(kind, kind.__name__), key, report)
    return value


def said(value: Any) -> str:
    """A value as a recipe writes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)


def _require(good: bool, value: Any, expected: str, key: str, report: Report) -> None:
    if not good:
        report(key, f"{said(value)} was written, {expected} is expected")
        raise Bad


def _choice(value: Any, choices: tuple[Any, ...], key: str, report: Report) -> Any:
    if value in choices and type(value) in {type(choice) for choice in choices}:
        return value
    hint = did_you_mean(str(value), [str(choice) for choice in choices])
    report(key, f"{said(value)} is none of its values{hint}")
    raise Bad


def _structure_union(value: Any, kinds: tuple[type, ...], key: str, report: Report) -> Any:
    wanted = [kind for kind in kinds if kind is not type(None)]
    if value is None and len(wanted) < len(kinds):
        return None
    if len(wanted) == 1:
        return structure(value, wanted[0], key, report)
    problems: list[tuple[str, str]] = []
    for kind in wanted:
        problems.clear()
        try:
            return structure(value, kind, key, lambda *problem: problems.append(problem))
        except Bad:
            continue
    names = [_NAMES.get(kind, "a table" if attrs.has(kind) else str(kind)) for kind in wanted]
    if isinstance(value, Mapping) and any(attrs.has(kind) for kind in wanted):
        for problem in problems:
            report(*problem)
    else:
        report(key, f"{said(value)} was written, {' or '.join(names)} is expected")
    raise Bad


def _structure_list(value: Any, kind: Any, key: str, report: Report) -> Any:
    _require(isinstance(value, list | tuple), value, "a list", key, report)
    inner = get_args(kind)
    fixed = get_origin(kind) is tuple and inner[-1] is not Ellipsis
    if fixed:
        right = len(value) == len(inner)
        _require(right, value, f"a list of {len(inner)} values", key, report)
    kinds = inner if fixed else [inner[0]] * len(value)
    made = _each(
        dict(enumerate(value)),
        lambda number, one: structure(one, kinds[number], f"{key}.{number}", report),
    )
    return get_origin(kind)(made.values())


def _structure_class(value: Any, cls: Any, key: str, report: Report) -> Any:
    if isinstance(value, cls):
        return value
    _require(isinstance(value, Mapping), value, "a table", key, report)
    attrs.resolve_types(cls)
    # a key that Python keeps for itself: `with_` is written `with`
    fields = {field.name.removesuffix("_"): field for field in attrs.fields(cls) if field.init}
    bad = False
    for name in value:
        if name not in fields:
            report(_join(key, name), f"there is no such key{did_you_mean(name, fields)}")
            bad = True
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in value:
            if field.default is attrs.NOTHING:
                report(_join(key, name), f"is required ({_describe(field.type)})")
                bad = True
            continue
        make = _structure_inner if "part" in field.metadata else _structure_field
        try:
            made[field.name] = make(value[name], field, _join(key, name), report)
        except Bad:
            bad = True
            continue
        if field.validator is not None:
            bad |= not _valid(field, made[field.name], _join(key, name), report)
    if bad:
        raise Bad
    try:
        return cls(**made)
    except ValueError as error:  # a rule between several keys (__attrs_post_init__)
        report(key, str(error))
        raise Bad from error


def _structure_field(value: Any, field: Any, key: str, report: Report) -> Any:
    if value == inf and field.metadata.get("infinite"):  # a number without end means something
        return value
    return structure(value, field.type, key, report)


def _structure_inner(value: Any, field: Any, key: str, report: Report) -> Inner:
    """A part among the keys of another: ``{ use = "...", ... }``."""
    if isinstance(value, Inner):
        return value
    _require(isinstance(value, Mapping), value, 'a part, { use = "...", ... },', key, report)
    name = value.get("use", field.metadata.get("use"))
    if not isinstance(name, str):
        report(f"{key}.use", 'names no part; write use = "..."')
        raise Bad
    options = {own: one for own, one in value.items() if own != "use"}
    return structure_part(field.metadata["part"], name, options, key, report)


def structure_part(
    kind: str, name: str, options: Mapping[str, Any], key: str, report: Report
) -> Inner:
    """An installed part and its configuration; ``key``: where a recipe names it.

    Raises:
        Bad: there is no such part, or it is configured badly; ``report`` has been told.
    """
    try:
        spec = registry.find(kind, name).load()
    except UserError as error:
        report(f"{key}.use", str(error))
        raise Bad from error
    return Inner(spec, structure(options, spec.config, key, report), name)


def _valid(field: Any, value: Any, key: str, report: Report) -> bool:
    try:
        field.validator(None, field, value)
    except (ValueError, TypeError) as error:
        text = str(error.args[0]) if error.args else str(error)
        text = text.replace(f"'{field.name}' must", "must")
        report(key, text if said(value) in text else f"{said(value)} was written: {text}")
        return False
    return True


def _describe(kind: Any) -> str:
    return _NAMES.get(kind, "a table" if attrs.has(kind) else str(kind))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _each(items: Mapping[Any, Any], make: Callable[[Any, Any], Any]) -> dict[Any, Any]:
    """Make every item, so that all problems are reported, then fail if one did."""
    made = {}
    for name, item in items.items():
        try:
            made[name] = make(name, item)
        except Bad:
            continue
    if len(made) < len(items):
        raise Bad
    return made


_converter = Converter(omit_if_default=True)
_converter.register_unstructure_hook(
    Inner, lambda one: {"use": one.name, **_converter.unstructure(one.config)}
)


def unstructure(value: Any) -> Any:
    """Back to plain tables; keys at their default and None are left out."""
    return _without_none(_converter.unstructure(value))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
