"""Making a :class:`~slp_core.recipe.Recipe` of tables, every problem collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from slp_core.errors import Problem, RecipeError, did_you_mean
from slp_core.recipe import (
    AnnotatorUse,
    Data,
    Evaluation,
    FusionUse,
    Header,
    ObjectiveUse,
    Recipe,
    Source,
    Stage,
    Stream,
    Use,
)
from slp_core.schema import Bad, structure, structure_part

PARTS = ("processor", "encoder", "tokenizer", "mapper")
KINDS = {"annotate": "annotator", "metrics": "metric", "objectives": "objective"}  #: of lists


def structure_recipe(source: Source) -> Recipe:
    """Make a :class:`Recipe` of tables.

    Raises:
        RecipeError: with every problem found.
    """
    report = _Report(source)
    table = source.table
    sections: dict[str, Callable[[Any], Any]] = {
        "recipe": lambda value: structure(value, Header, "recipe", report),
        "data": lambda value: _data(value, report),
        "streams": lambda value: _streams(value, report),
        "fusion": lambda value: _fusion(value, report),
        "mapper": lambda value: _use(value, "mapper", report),
        "decoder": lambda value: _use(value, "decoder", report),
        "stages": lambda value: _stages(value, report),
        "evaluation": lambda value: _evaluation(value, report),
    }
    for key in table:
        if key not in sections:
            report(key, f"there is no such table{did_you_mean(key, sections)}")
    made: dict[str, Any] = {}
    for name, make in sections.items():
        if name in table:
            try:
                made[name] = make(table[name])
            except Bad:
                continue
        elif name in ("recipe", "streams", "decoder"):
            report(name, f"the table [{name}] is missing")
    _check_streams(made.get("streams", {}), made.get("fusion"), "fusion" in table, report)
    if report.problems:
        report.check_parts()
        raise RecipeError(report.problems)
    return Recipe(header=made.pop("recipe"), data=made.pop("data", Data()), source=source, **made)


class _Report:
    """Notes what is wrong, and the parts that are named, wherever they stand."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.parts: dict[str, Use] = {}

    def __call__(self, key: str, message: str) -> None:
        self.problems.append(Problem(self.source.where(key), key, message))

    def check_parts(self) -> None:
        """Say also what is wrong with the parts of a recipe that is wrong elsewhere."""
        for key, use in self.parts.items():
            *_, last = (word for word in key.split(".") if not word.isdigit())
            with suppress(Bad):
                structure_part(KINDS.get(last, last), use.name, use.options, key, self)


def _each(items: Mapping[Any, Any], make: Callable[[Any, Any], Any]) -> dict[Any, Any]:
    """Make every item so that all problems are reported; the good ones are returned."""
    made = {}
    for key, value in items.items():
        try:
            made[key] = make(key, value)
        except Bad:
            continue
    return made


def _require(good: bool, key: str, message: str, report: _Report) -> None:
    if not good:
        report(key, message)
        raise Bad


def _use(value: Any, key: str, report: _Report, extra: Sequence[str] = ()) -> Use:
    """``"linear"`` or ``{ use = "linear", ... }``; keys in ``extra`` belong to somebody else."""
    if isinstance(value, str):
        return report.parts.setdefault(key, Use(value))
    expected = 'the name of a part is expected, as { use = "linear", ... }'
    _require(isinstance(value, Mapping), key, expected, report)
    name = value.get("use")
    _require(isinstance(name, str), f"{key}.use", 'names no part; write use = "..."', report)
    options = {k: v for k, v in value.items() if k != "use" and k not in extra}
    return report.parts.setdefault(key, Use(name, options))


def _data(value: Any, report: _Report) -> Data:
    parts: dict[str, Any] = {}
    if isinstance(value, Mapping):
        makers: dict[str, Callable[..., Any]] = {"corpus": _use, "annotate": _annotators}
        written = {name: value[name] for name in makers if name in value}
        parts = _each(written, lambda name, one: makers[name](one, f"data.{name}", report))
        value = {name: one for name, one in value.items() if name not in makers}
    return attrs.evolve(structure(value, Data, "data", report), **parts)


def _annotators(value: Any, key: str, report: _Report) -> list[AnnotatorUse]:
    _require(isinstance(value, list), key, 'a list is expected: [{ use = "..." }]', report)
    tables = {f"{key}.{number}": one for number, one in enumerate(value)}
    return list(_each(tables, lambda at, one: _annotator(one, at, report)).values())


def _annotator(value: Any, key: str, report: _Report) -> AnnotatorUse:
    part = _use(value, key, report, extra=["splits"])
    own = {"splits": value["splits"]} if isinstance(value, Mapping) and "splits" in value else {}
    return structure({"part": part, **own}, AnnotatorUse, key, report)


def _streams(value: Any, report: _Report) -> dict[str, Stream]:
    good = isinstance(value, Mapping) and len(value) > 0
    _require(good, "streams", "at least one [streams.<name>] is expected", report)
    return _each(value, lambda name, one: _stream(one, f"streams.{name}", report))


def _stream(value: Any, key: str, report: _Report) -> Stream:
    _require(isinstance(value, Mapping), key, "a table is expected", report)
    plain = "." not in key.removeprefix("streams.")
    _require(plain, key, "the name of a stream holds no dot", report)
    known = ("signal", "from", *PARTS)
    for name in value:
        if name not in known:
            report(f"{key}.{name}", f"there is no such key{did_you_mean(name, known)}")
    written = {name: value[name] for name in known if name in value}
    parts = {name: one for name, one in written.items() if name in PARTS}
    made = _each(parts, lambda name, one: _use(one, f"{key}.{name}", report))
    words = {name: one for name, one in written.items() if name not in PARTS}
    made |= _each(words, lambda name, one: structure(one, str, f"{key}.{name}", report))
    one_of = ("signal" in written) != ("from" in written)
    expected = "either `signal` (a manifest column) or `from` (a stream) is expected"
    _require(one_of, key, expected, report)
    if "from" in written:
        no_processor = "a branch has no processor; its trunk has read the signal"
        _require("processor" not in written, f"{key}.processor", no_processor, report)
        made["from_"] = made.pop("from", None)
    else:
        needed = "a stream that reads a signal needs an encoder"
        _require("encoder" in written, f"{key}.encoder", needed, report)
    return Stream(**made)


def _fusion(value: Any, report: _Report) -> FusionUse:
    part = _use(value, "fusion", report, extra=["streams"])
    streams = None
    if isinstance(value, Mapping) and "streams" in value:
        streams = structure(value["streams"], list[str], "fusion.streams", report)
    return FusionUse(part, streams)


def _stages(value: Any, report: _Report) -> list[Stage]:
    good = isinstance(value, list)
    _require(good, "stages", "a list of tables is expected: write [[stages]]", report)
    tables = {f"stages.{number}": one for number, one in enumerate(value)}
    made = _each(tables, lambda key, one: _stage(one, key, report))
    names: set[str] = set()
    for key, stage in made.items():
        if stage.name in names:
            report(f"{key}.name", f'"{stage.name}" is the name of an earlier stage too')
        names.add(stage.name)
    return list(made.values())


def _stage(value: Any, key: str, report: _Report) -> Stage:
    _require(isinstance(value, Mapping), key, "a table is expected", report)
    table = dict(value)
    objectives = table.get("objectives", [])
    path = f"{key}.objectives"
    if isinstance(objectives, list):
        numbered = {f"{path}.{number}": one for number, one in enumerate(objectives)}
        made = _each(numbered, lambda at, one: _objective(one, at, report))
        # A bad objective has been reported; it is no reason to say that there is none.
        table["objectives"] = list(made.values()) or [ObjectiveUse(Use("?"))] * len(objectives)
    return structure(table, Stage, key, report)


def _evaluation(value: Any, report: _Report) -> Evaluation:
    if isinstance(value, Mapping) and isinstance(value.get("metrics"), list):
        keys = {f"evaluation.metrics.{n}": one for n, one in enumerate(value["metrics"])}
        made = _each(keys, lambda key, one: _use(one, key, report))
        value = {**value, "metrics": list(made.values())}
    return structure(value, Evaluation, "evaluation", report)


def _objective(value: Any, key: str, report: _Report) -> ObjectiveUse:
    part = _use(value, key, report, extra=["on", "target", "weight"])
    own = value if isinstance(value, Mapping) else {}
    kinds: dict[str, Any] = {"on": str, "target": str, "weight": float}
    written = {name: own[name] for name in kinds if name in own}
    made = _each(written, lambda n, one: structure(one, kinds[n], f"{key}.{n}", report))
    if len(made) < len(written):
        raise Bad
    return ObjectiveUse(part, **made)


def _check_streams(
    streams: Mapping[str, Stream], fusion: FusionUse | None, fusion_written: bool, report: _Report
) -> None:
    for name, stream in streams.items():
        if stream.from_ is not None and stream.from_ not in streams:
            hint = did_you_mean(stream.from_, streams)
            report(f"streams.{name}.from", f'there is no stream "{stream.from_}"{hint}')
        seen, trunk = {name}, stream.from_
        while trunk is not None and trunk in streams:
            if trunk in seen:
                report(f"streams.{name}.from", "the stream branches off itself")
                break
            seen.add(trunk)
            trunk = streams[trunk].from_
    for name in (fusion.streams if fusion else None) or []:
        if name not in streams:
            hint = did_you_mean(name, streams)
            report("fusion.streams", f'there is no stream "{name}"{hint}')
    trunks = {stream.from_ for stream in streams.values()}
    ends = [name for name in streams if name not in trunks]
    if not fusion_written and len(ends) > 1:
        report("fusion", f"{len(ends)} streams ({', '.join(ends)}) need a [fusion]")
