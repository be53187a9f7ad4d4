"""The recipe as a JSON Schema (draft 2020-12), for the parts that are installed: editors complete
and check a recipe by it while it is written.

It knows every key, its type, its bounds, its choices and its help. It does not know the rules
between keys, nor whether parts fit together: that is :func:`slp_core.check.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import frozen
from attrs.validators import and_, ge, optional

from slp_core import registry
from slp_core.errors import UserError
from slp_core.inner import Inner
from slp_core.keys import choices, default_of, fields, sections
from slp_core.recipe import Stage, Stream, Use
from slp_core.registry import Entry

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object"}
#: What stands in some classes beside the types of their keys.
_RULES: dict[type, Schema] = {
    Stream: {
        "oneOf": [
            {"required": ["signal", "encoder"], "properties": {"from": False}},
            {"required": ["from"], "properties": {"signal": False, "processor": False}},
        ]
    },
    Stage: {
        "oneOf": [
            {
                "required": ["train", "objectives"],
                "properties": {"fit": False, "objectives": {"minItems": 1}},
                "oneOf": [{"required": ["epochs"]}, {"required": ["steps"]}],
            },
            {"required": ["fit"], "properties": {"train": False, "objectives": False}},
        ]
    },
}


def recipe_schema() -> Schema:
    """The schema of a recipe, whole or (``extends``) a variant of another, in which every table
    may leave out what the other one writes."""
    definitions: Schema = {}
    whole = _Writer(definitions).recipe(["recipe", "streams", "decoder"])
    variant = _Writer(definitions, "variant.").recipe(["extends"])
    variant["properties"] = {
        "extends": {"type": "string", "description": "path of the recipe that this one changes"},
        **variant["properties"],
    }
    return {
        "$schema": DRAFT,
        "title": "A recipe of slp",
        "oneOf": [whole, variant],
        "$defs": definitions,
    }


@frozen
class _Writer:
    """Writes definitions; with a ``prefix``, of variants, in which nothing is required."""

    definitions: Schema
    prefix: str = ""

    def recipe(self, required: list[str]) -> Schema:
        table = self.table(sections())
        streams = table["properties"]["streams"]
        streams |= {"minProperties": 1, "propertyNames": {"pattern": "^[^.]+$"}}
        return {**table, "required": required}

    def table(self, keys: Mapping[str, Any], rules: Schema | None = None) -> Schema:
        """A table of named keys."""
        table: Schema = {
            "type": "object",
            "properties": {name: self.key(one) for name, one in keys.items()},
            "additionalProperties": False,
        }
        if not self.prefix:
            required = [name for name, one in keys.items() if one.default is attrs.NOTHING]
            table |= {"required": required} if required else {}
            table |= rules or {}
        return table

    def key(self, one: Any) -> Schema:
        """What may stand at a key, with its help and its default."""
        made = self.value(one.type, one.metadata)
        made |= _bounds(one.validator, made)
        if "help" in one.metadata:
            made["description"] = one.metadata["help"]
        default = default_of(one)
        if default is not attrs.NOTHING and default not in (None, {}):
            made["default"] = default
        return made

    def value(self, kind: Any, metadata: Mapping[str, str]) -> Schema:
        """What a type takes. ``metadata`` tell the kind of a part."""
        origin, inner = get_origin(kind), get_args(kind)
        several = choices(kind)
        if len(several) > 1:
            return {"anyOf": [self.value(one, metadata) for one in several]}
        if several[0] is not kind:
            return self.value(several[0], metadata)
        if kind is Use:
            return self.part(metadata["kind"])
        if kind is Inner:
            return self.inner(metadata["part"], metadata.get("use"))
        if attrs.has(kind):
            return self.named(kind)
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is list or (origin is tuple and inner[-1] is Ellipsis):
            return {"type": "array", "items": self.value(inner[0], metadata)}
        if origin is tuple:
            items = [self.value(one, metadata) for one in inner]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
        if origin is dict:
            values = self.value(inner[1], metadata)
            return {"type": "object", "additionalProperties": values}
        return {"type": _TYPES[kind]} if kind in _TYPES else {}

    def named(self, config: type) -> Schema:
        """A table of the recipe. The keys of a part stand beside those of whoever names it."""
        keys = fields(config)
        if "part" in keys and keys["part"].type is Use:
            kind = keys.pop("part").metadata["kind"]
            return self.part(kind, keys)
        return self.table(keys, _RULES.get(config))

    # -- parts -------------------------------------------------------------------------------

    def part(self, kind: str, beside: Mapping[str, Any] | None = None) -> Schema:
        """A part: its name, or ``{ use = "name", ... }``."""
        name = f"{self.prefix}{kind}"
        if name not in self.definitions:
            self.definitions[name] = {}  # parts inside parts refer to it
            entries = list(registry.of_kind(kind))
            tables = []
            for entry in entries:
                own = f"{name}.{entry.long_name}"
                self.definitions[own] = self.part_table(entry, beside or {})
                tables.append({"$ref": f"#/$defs/{own}"})
            names = [name for entry in entries for name in _names(entry)]
            told = [{"enum": names}] if names else []
            self.definitions[name] = {"anyOf": [*told, *tables]} if entries else {"not": {}}
        return {"$ref": f"#/$defs/{name}"}

    def inner(self, kind: str, default: str | None) -> Schema:
        """A part among the keys of another; ``default`` is meant where none is named."""
        found = self.part(kind)
        if default is None:
            return found
        table = self.part_table(registry.find(kind, default), {})
        required = [name for name in table.get("required", []) if name != "use"]
        return {"anyOf": [found, {**table, "required": required}]}

    def part_table(self, entry: Entry, beside: Mapping[str, Any]) -> Schema:
        use = {"enum": _names(entry)}
        required = [] if self.prefix else ["use"]
        try:
            spec = entry.load()
        except UserError as error:  # its name is known, its keys are not
            broken = {"use": {**use, "description": str(error)}}
            return {"type": "object", "properties": broken, "required": ["use"]}
        table = self.table({**fields(spec.config), **beside})
        told = " ".join(word for word in (spec.summary, spec.paper and f"({spec.paper})") if word)
        table["properties"] = {"use": {**use, "description": told}, **table["properties"]}
        required += table.get("required", [])
        return {**table, "required": required}


def _names(entry: Entry) -> list[str]:
    """What a recipe may call a part: its name, unless two packages have it, and its long name."""
    return [entry.long_name] if entry.ambiguous else [entry.name, entry.long_name]


_NUMBERS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}
_LENGTHS = {"array": "minItems", "object": "minProperties"}
_OPTIONAL: Any = type(optional(ge(0)))
_AND: Any = type(and_(ge(0), ge(0)))


def _bounds(validator: Any, made: Schema) -> Schema:
    """What of an attrs validator JSON Schema can say of ``made``: bounds, choices, lengths."""
    if isinstance(validator, _OPTIONAL):
        return _bounds(validator.validator, made)
    if isinstance(validator, _AND):
        every = [_bounds(one, made) for one in validator._validators]
        return {name: bound for bounds in every for name, bound in bounds.items()}
    if hasattr(validator, "compare_op"):
        return {_NUMBERS[validator.compare_op]: validator.bound}
    if hasattr(validator, "min_length"):
        return {_LENGTHS.get(made.get("type", ""), "minLength"): validator.min_length}
    if isinstance(getattr(validator, "options", None), list | tuple | range):
        return {"enum": list(validator.options)}
    return {}
