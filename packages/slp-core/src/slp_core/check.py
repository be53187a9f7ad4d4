"""Holding a recipe against the installed parts, before anything heavy is imported.

:func:`check` finds every part, structures its configuration, and follows the tensor types from
signal to text. What comes out is a :class:`Plan`, which :mod:`slp_core.build` builds.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from attrs import field, frozen

from slp_core import registry
from slp_core.errors import Problem, RecipeError, UserError, did_you_mean
from slp_core.hooks import hooks
from slp_core.inner import inner_parts
from slp_core.recipe import ObjectiveUse, Recipe, Stage, Use
from slp_core.registry import Entry
from slp_core.schema import Bad, structure
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Symbol, TensorType, TypeMismatch, part_speaking


@frozen(eq=False)
class Node:
    """One part of the pipeline, where it stands and what passes through it."""

    path: str  #: "streams.pose.encoder"
    entry: Entry
    spec: ComponentSpec
    config: Any
    signal: str = ""
    inputs: TensorType | None = None
    streams: dict[str, TensorType] = field(factory=dict)  #: what a fusion joins
    output: TensorType | None = None

    @property
    def kind(self) -> str:
        return self.entry.kind

    @property
    def name(self) -> str:
        return self.entry.name


@frozen(eq=False)
class Plan:
    """A recipe that fits: its parts in the order of the data's way."""

    recipe: Recipe
    nodes: dict[str, Node]
    objectives: dict[str, list[Node]]  #: by stage
    metrics: list[Node]
    corpus: Node | None
    annotators: list[Node] = field(factory=list)

    def configs(self) -> dict[str, Any]:
        """The configuration of every part, and of the parts inside parts, by path."""
        found: dict[str, Any] = {}
        waiting = [(path, node.config) for path, node in self.nodes.items()]
        while waiting:
            path, config = waiting.pop(0)
            found[path] = config
            inner = {name: getattr(config, name) for name in inner_parts(type(config))}
            waiting += [(f"{path}.{name}", one.config) for name, one in inner.items() if one]
        return found

    def free_sizes(self) -> list[str]:
        """``path: size`` of every size that only weights or training rows can tell."""
        free = []
        for node in self.nodes.values():
            for name, size in (node.output.sizes if node.output else {}).items():
                if isinstance(size, Symbol) and isinstance(size.resolve(), Symbol):
                    free.append(f"{node.path}: {name}")
        return free


def check(recipe: Recipe) -> Plan:
    """Check that the parts exist, are configured well and fit together.

    Raises:
        RecipeError: with every problem found.
    """
    checker = _Checker(recipe)
    plan = checker.plan()
    if not checker.problems:
        for problems in hooks().slp_check(plan=plan):
            checker.problems += problems
    if checker.problems:
        raise RecipeError(checker.problems)
    return plan


def configured(kind: str, use: Use) -> tuple[Entry, ComponentSpec, Any]:
    """A part that no recipe's line speaks of: its entry, spec and configuration.

    Raises:
        UserError: there is no such part, or it is configured badly; with every problem found.
    """
    entry = registry.find(kind, use.name)
    spec = entry.load()
    problems: list[Problem] = []

    def report(key: str, message: str) -> None:
        problems.append(Problem(use.name, key, message))

    try:
        return entry, spec, structure(use.options, spec.config, "", report)
    except Bad:
        raise RecipeError(problems) from None


def matches(pattern: str, path: str) -> bool:
    """Whether a stage's pattern names the part at ``path``: itself, or a part above it.

    ``streams.*.mapper`` matches word by word; ``streams.sign`` names everything below it.
    """
    wanted, words = pattern.split("."), path.split(".")
    return len(wanted) <= len(words) and all(
        fnmatchcase(word, want) for want, word in zip(wanted, words, strict=False)
    )


def _reaches_below(pattern: str, path: str) -> bool:
    """Whether a pattern reaches below the part at ``path`` (``decoder.lora``, ``decoder``)."""
    depth = len(path.split("."))
    return matches(".".join(pattern.split(".")[:depth]), path)


class _Checker:
    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.problems: list[Problem] = []
        self.nodes: dict[str, Node] = {}
        self.paths: list[str] = []  # every part the recipe names, whether or not it was found

    def report(self, key: str, message: str) -> None:
        self.problems.append(Problem(self.recipe.source.where(key), key, message))

    def plan(self) -> Plan:
        recipe = self.recipe
        ends = self._streams()
        fused = self._fusion({name: ends.get(name) for name in recipe.fused})
        if recipe.mapper is not None:
            fused = self._follow("mapper", "mapper", recipe.mapper, fused)
        self._follow("decoder", "decoder", recipe.decoder, fused)
        objectives = {
            stage.name: list(self._stage(number, stage))
            for number, stage in enumerate(recipe.stages)
        }
        metrics = [
            self._node(f"evaluation.metrics.{number}", "metric", use)
            for number, use in enumerate(recipe.evaluation.metrics)
        ]
        use = recipe.data.corpus
        corpus = None if use is None else self._node("data.corpus", "corpus", use)
        annotators = [
            self._node(f"data.annotate.{number}", "annotator", one.part)
            for number, one in enumerate(recipe.data.annotate)
        ]
        beside = [m for m in metrics if m], corpus, [a for a in annotators if a]
        return Plan(recipe, self.nodes, objectives, *beside)

    # -- the data's way --------------------------------------------------------------------

    def _streams(self) -> dict[str, TensorType | None]:
        """The output type of every stream, trunks before their branches."""
        ends: dict[str, TensorType | None] = {}
        waiting = dict(self.recipe.streams)
        while waiting:
            name = next(n for n, s in waiting.items() if s.from_ not in waiting)
            stream = waiting.pop(name)
            path = f"streams.{name}"
            if stream.from_ is not None:
                reached = ends[stream.from_]
            else:
                reached = self._processor(path, stream.signal or "", stream.processor)
            for kind in ("encoder", "tokenizer", "mapper"):
                use = getattr(stream, kind)
                if use is not None:
                    reached = self._follow(f"{path}.{kind}", kind, use, reached)
            ends[name] = reached
        return ends

    def _processor(self, path: str, signal: str, use: Use | None) -> TensorType | None:
        path = f"{path}.processor"
        self.paths.append(path)
        if use is None:
            use = Use(signal.partition(".")[0])
            names = [entry.name for entry in registry.of_kind("processor")]
            if use.name not in names:
                self.report(
                    path.replace(".processor", ".signal"),
                    f'"{signal}" is the name of no processor{did_you_mean(use.name, names)}; '
                    'say who reads it: processor = { use = "..." }',
                )
                return None
        found = self._find(path, "processor", use)
        if found is None:
            return None
        output = self._sign(path, found, signal)
        self.nodes[path] = Node(path, *found, signal=signal, output=output)
        return output

    def _fusion(self, streams: dict[str, TensorType | None]) -> TensorType | None:
        use = self.recipe.fusion
        if use is None:
            return next(iter(streams.values()))
        self.paths.append("fusion")
        found = self._find("fusion", "fusion", use.part)
        known = {name: one for name, one in streams.items() if one is not None}
        if found is None or len(known) < len(streams):
            return None
        output = self._sign("fusion", found, known)
        self.nodes["fusion"] = Node("fusion", *found, streams=known, output=output)
        return output

    def _follow(
        self, path: str, kind: str, use: Use, inputs: TensorType | None
    ) -> TensorType | None:
        """Find a part and pass the type through it; None when the way is broken."""
        self.paths.append(path)
        found = self._find(path, kind, use)
        if found is None or inputs is None:
            return None
        output = self._sign(path, found, inputs)
        signal = next((n.signal for n in reversed(self.nodes.values()) if n.output is inputs), "")
        self.nodes[path] = Node(path, *found, signal=signal, inputs=inputs, output=output)
        return output

    def _sign(self, path: str, found: tuple[Entry, ComponentSpec, Any], given: Any) -> Any:
        entry, spec, config = found
        assert spec.signature is not None, f"{entry} has no signature"
        with part_speaking(path):
            try:
                return spec.signature(config, given)
            except TypeMismatch as error:
                giver = self._giver(given)
                self.report(path, f'{entry.kind} "{entry.name}" does not fit: {giver} {error}')
                return None

    def _giver(self, given: Any) -> str:
        for node in reversed(self.nodes.values()):
            if node.output is given:
                return f'{node.path} ({node.kind} "{node.name}")'
        return "the fused streams" if isinstance(given, dict) else "what comes before it"

    # -- beside it ---------------------------------------------------------------------------

    def _stage(self, number: int, stage: Stage) -> Iterator[Node]:
        key = f"stages.{number}"
        for name in ("train", "fit"):
            for pattern in getattr(stage, name):
                if not self._names_a_part(pattern):
                    above = (path.rpartition(".")[0] for path in self.paths)  # streams.pose
                    hint = did_you_mean(pattern, {*self.paths, *above} - {""})
                    self.report(f"{key}.{name}", f'"{pattern}" names no part{hint}')
        for path, part in self.nodes.items():
            if not part.spec.fits and any(matches(pattern, path) for pattern in stage.fit):
                said = f'{part.kind} "{part.name}" cannot be fitted in closed form; train it'
                self.report(f"{key}.fit", f"{path}: {said}")
        for place, use in enumerate(stage.objectives):
            node = self._objective(f"{key}.objectives.{place}", use)
            if node is not None:
                yield node

    def _names_a_part(self, pattern: str) -> bool:
        """A pattern may also go below a part (``decoder.lora``); only the built part tells."""
        return any(matches(pattern, path) or _reaches_below(pattern, path) for path in self.paths)

    def _objective(self, key: str, use: ObjectiveUse) -> Node | None:
        if use.on not in self.paths:
            self.report(f"{key}.on", f'"{use.on}" is no part{did_you_mean(use.on, self.paths)}')
        return self._node(key, "objective", use.part)

    def _node(self, key: str, kind: str, use: Use) -> Node | None:
        found = self._find(key, kind, use)
        return Node(key, *found) if found else None

    def _find(self, key: str, kind: str, use: Use) -> tuple[Entry, ComponentSpec, Any] | None:
        try:
            entry = registry.find(kind, use.name)
            spec = entry.load()
        except UserError as error:
            place = f"{key}.use" if f"{key}.use" in self.recipe.source.places else key
            self.report(place, str(error))
            return None
        self.paths += [f"{key}.{name}" for name in inner_parts(spec.config)]
        try:
            return entry, spec, structure(use.options, spec.config, key, self.report)
        except Bad:
            return None
