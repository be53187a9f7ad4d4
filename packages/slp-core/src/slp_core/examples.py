"""A part as its spec shows it: what a recipe writes to use it, and what it makes of typical input.

No torch; nothing is built.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import evolve, frozen

from slp_core import registry
from slp_core.errors import UserError
from slp_core.inner import Inner
from slp_core.keys import choices, fields
from slp_core.registry import Entry
from slp_core.schema import Bad, structure
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, Symbol, TensorType

WIDTH, CODES = 256, 256  #: of a typical sequence, where a signature asks for numbers
STREAMS = ("hands", "lips")  #: of a typical fusion

# -- what a recipe writes --------------------------------------------------------------------


def example_keys(spec: ComponentSpec) -> dict[str, Any]:
    """The keys that a recipe writes: the spec's example, and a placeholder for each required key
    that it leaves out."""
    required = [
        (name, one)
        for name, one in fields(spec.config).items()
        if one.default is attrs.NOTHING and name not in spec.example
    ]
    return {**{name: _placeholder(one) for name, one in required}, **spec.example}


def example_config(spec: ComponentSpec) -> Any:
    """The configuration of :func:`example_keys`.

    Raises:
        UserError: the keys break a rule; the spec's example does not meet it.
    """
    problems: list[str] = []
    try:
        return structure(
            example_keys(spec),
            spec.config,
            "",
            lambda key, said: problems.append(f"{key}: {said}" if key else said),
        )
    except Bad:
        raise UserError("; ".join(problems)) from None


_PLACEHOLDERS = {str: "...", int: 1, float: 1.0, bool: False, dict: {}}


def _placeholder(one: Any) -> Any:
    kind = choices(one.type)[0]
    if kind is Inner:
        names = [entry.name for entry in registry.of_kind(one.metadata["part"])]
        return {"use": one.metadata.get("use", names[0] if names else "...")}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) in (list, tuple):
        return []
    if attrs.has(kind):
        return {name: _placeholder(key) for name, key in fields(kind).items()
                if key.default is attrs.NOTHING}  # fmt: skip
    return _PLACEHOLDERS.get(get_origin(kind) or kind, "...")


def snippet(entry: Entry, spec: ComponentSpec) -> str:
    """Lines for a recipe that uses the part (of a command, for a shell)."""
    name = entry.long_name if entry.ambiguous else entry.name
    table = {"use": name, **example_keys(spec)}
    return _PLACES[entry.kind](entry, spec, table)


def _in_stream(entry: Entry, spec: ComponentSpec, table: dict[str, Any]) -> str:
    if entry.kind == "processor":
        signal, reader = entry.name, {"processor": table}
    else:
        try:
            found = next(passages(spec), None)
        except UserError:  # its keys want filling in first
            found = None
        signal = found.source if found else "signal"
        needs = found.reader if found else {}
        reader = {**({"processor": {"use": signal, **needs}} if needs else {}), "encoder": table}
    return _lines({"signal": signal, **reader}, f"[streams.{signal}]")


def _beside(where: str, key: str, in_list: bool = False) -> Callable[..., str]:
    def lines(entry: Entry, spec: ComponentSpec, table: dict[str, Any]) -> str:
        return _lines({key: [table] if in_list else table}, f"# in {where}")

    return lines


def _table(more: Mapping[str, Any]) -> Callable[..., str]:
    return lambda entry, spec, table: _lines({**table, **more}, f"[{entry.kind}]")


_PLACES: dict[str, Callable[..., str]] = {
    "processor": _in_stream,
    "encoder": _in_stream,
    "tokenizer": _beside("[streams.<name>]", "tokenizer"),
    "mapper": _table({}),
    "fusion": _table({"streams": list(STREAMS)}),
    "decoder": _table({}),
    "objective": _beside("[[stages]]", "objectives", in_list=True),
    "annotator": _beside("[data]", "annotate", in_list=True),
    "corpus": _beside("[data]", "corpus"),
    "metric": _beside("[evaluation]", "metrics", in_list=True),
    "command": lambda entry, spec, table: f"slp {entry.name}",
}


def _lines(table: Mapping[str, Any], head: str) -> str:
    return "\n".join([head, *(f"{key} = {toml_value(value)}" for key, value in table.items())])


def toml_value(value: Any) -> str:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{k} = {toml_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


# -- what it makes of typical input ----------------------------------------------------------


@frozen
class Passage:
    """What a part makes of one typical input, in einops words: ``b t d=534`` to ``b t/4 d'``.

    A size without a number is told by weights or by what stands beside the part. ``t/4``: a step
    for every four; ``t'``: steps that have another clock or none. ``source``: the processor whose
    signal an encoder takes, ``reader``: the keys that it needs.
    """

    takes: str
    gives: str
    source: str = ""
    reader: Mapping[str, Any] = {}


def passages(spec: ComponentSpec) -> Iterator[Passage]:
    """What the part makes of the typical inputs that its signature takes.

    Of an encoder: the signals of the installed processors. None where the signature takes no
    typical input, or there is no signature.

    Raises:
        UserError: the spec's example does not meet its own rules.
    """
    if spec.signature is None:
        return
    config = example_config(spec)
    if spec.kind == "processor":
        yield Passage("a column of the manifest", _words(spec.signature(config, "signal"), {}))
        return
    inputs = _signals() if spec.kind == "encoder" else _sequences(spec.kind)
    told = set()
    for source, reader, given in inputs:
        if source in told:
            continue
        try:
            output = spec.signature(config, given)
        except UserError:  # it takes something else
            continue
        first = next(iter(given.values())) if isinstance(given, dict) else given
        known = _names(given)
        if isinstance(given, dict):
            takes = "; ".join(f"{name}: {_words(one, known)}" for name, one in given.items())
        else:
            takes = _words(given, known)
        yield Passage(takes, _words(output, known, first), source, reader)
        told.add(source)


def _signals() -> list[tuple[str, Mapping[str, Any], TensorType]]:
    """What the installed processors give, by default and with another choice of one key: first
    those that need no key, have a clock, and are called as what they give."""
    found = []
    for entry in registry.of_kind("processor"):
        try:
            spec = entry.load()
            assert spec.signature is not None, f"{entry} has no signature"
            for reader in [example_keys(spec), *_other_choices(spec)]:
                config = example_config(evolve(spec, example=reader))
                found.append((entry.name, reader, spec.signature(config, entry.name)))
        except UserError:  # a broken one is no typical input
            continue
    return sorted(
        found, key=lambda one: (len(one[1]), one[2].rate is None, one[0] != one[2].modality)
    )


def _other_choices(spec: ComponentSpec) -> Iterator[dict[str, Any]]:
    for name, one in fields(spec.config).items():
        if get_origin(one.type) is Literal:
            for choice in get_args(one.type):
                if choice != one.default:
                    yield {**example_keys(spec), name: choice}


def _sequences(kind: str) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """``b t d``, then the same with codes, each with free sizes and then with numbers."""
    for width, codes in ((None, None), (WIDTH, None), (None, CODES), (WIDTH, CODES)):
        sizes = {} if width is None else {"d": Size(width)}
        sizes |= {} if codes is None else {"vocabulary": Size(codes)}
        if kind == "fusion":
            yield "", {}, {name: TensorType("b t d", dict(sizes)) for name in STREAMS}
        else:
            yield "", {}, TensorType("b t d", sizes)


def _names(given: Any) -> dict[Symbol, str]:
    """What the free sizes of an input are called."""
    types = given.values() if isinstance(given, dict) else [given]
    free = [(one[name], name) for one in types for name in one.sizes]
    return {size: name for size, name in free if isinstance(size, Symbol)}


def _words(one: TensorType, known: Mapping[Symbol, str], before: TensorType | None = None) -> str:
    """A type in einops words; sizes that are not ``known`` from the input are marked by ``'``."""

    def size(name: str) -> str:
        found = one[name]
        if isinstance(found, Symbol):
            return known.get(found, f"{name}'" if before else name)
        return f"{name}={int(found)}"

    axes = one.axes.split()
    words = [_clock(one, before) if axis == "t" else axis if axis == "b" else size(axis)
             for axis in axes]  # fmt: skip
    words += [size(name) for name in one.sizes if name not in axes]
    kinds = [one.modality, one.dtype if one.dtype != "float32" else ""]
    told = ", ".join(dict.fromkeys(word for word in kinds if word and word != "str"))
    return " ".join(words) + (f" ({told})" if told else "")


def _clock(one: TensorType, before: TensorType | None) -> str:
    """``t``, or how many steps of the input make one."""
    if before is None or one.rate == before.rate:
        return "t"
    if one.rate is None or before.rate is None or one.rate.of != before.rate.of:
        return "t'"
    return f"t/{before.rate.hz / one.rate.hz:g}"
