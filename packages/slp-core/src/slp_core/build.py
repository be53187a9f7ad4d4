"""From a checked recipe to a pipeline: the only place where parts are imported and made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from attrs import evolve, frozen

from slp_core.check import Node, Plan, check
from slp_core.context import Context
from slp_core.errors import MissingWeights, UserError
from slp_core.hooks import hooks
from slp_core.inner import Inner, inner_parts
from slp_core.manifest import Manifest
from slp_core.parts import Objective, Part
from slp_core.pipeline import Pipeline
from slp_core.reading import RowReader
from slp_core.recipe import ObjectiveUse, Recipe, Stage
from slp_core.signals import Processor
from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType, part_speaking, unify

#: Parts whose weights tell sizes come first; what lies between them is made to fit.
_ORDER = ("processor", "encoder", "tokenizer", "decoder", "fusion", "mapper")


def build(
    recipe: Recipe | Plan, train: Manifest | None = None, assets: Path | None = None
) -> Pipeline:
    """Build the pipeline of a recipe.

    ``train``: the rows vocabularies are learnt from. ``assets``: the folder a pipeline was saved
    with, from which every part builds itself without network or training rows. Each part draws
    its initial weights from a seed of its own (the recipe's seed and the part's path), so that
    swapping one part leaves the others' as they were.

    Raises:
        RecipeError: the recipe does not check.
        MissingWeights: checkpoints are not there; all of them are named.
        UserError: a part cannot be made (a size that nothing fixes).
    """
    plan = recipe if isinstance(recipe, Plan) else check(recipe)
    hooks().slp_before_build(plan=plan)
    pipeline = _compose(plan, _make_all(plan, _ORDER, train, assets))
    hooks().slp_after_build(pipeline=pipeline)
    return pipeline


@frozen(eq=False)
class Sketch:
    """A pipeline of shapes alone, of the parts that can be made so; and why others cannot."""

    pipeline: Pipeline
    objectives: dict[str, dict[str, Objective]]  #: by stage and label
    unknown: dict[str, UserError]  #: by the path of the part, or "stage.label" of an objective


def sketch(plan: Plan, train: Manifest | None = None) -> Sketch:
    """Build a pipeline on the meta device: every shape and no number, in a second.

    Nothing is read of a checkpoint but its configuration. Parts that cannot be made do not stop
    the others, though one whose width nobody tells cannot be made either. In the place of one that
    holds others (a cascade) stand those of them that can be made.
    """
    made: dict[str, Any] = {}
    objectives: dict[str, dict[str, Objective]] = {}
    unknown: dict[str, UserError] = {}

    def attempt(into: dict[str, Any], name: str, path: str, make: Callable[[], Any]) -> None:
        try:
            into[name] = make()
        except UserError as error:
            unknown[path] = error
        except RuntimeError as error:  # it looked at numbers
            unknown[path] = UserError(f"{path}: cannot be built on the meta device: {error}")

    with torch.device("meta"):
        for path, node in _in_order(plan, _ORDER):
            attempt(made, path, path, partial(_make, plan, node, train, None, meta=True))
            if path in unknown:
                for inside, make in _inside(node, _context(plan, node, train, None, meta=True)):
                    attempt(made, inside, inside, make)
                    if str(unknown.get(inside)) == str(unknown[path]):  # said already
                        del unknown[inside]
        for stage in plan.recipe.stages:
            into = objectives.setdefault(stage.name, {})
            for use, node in zip(stage.objectives, plan.objectives[stage.name], strict=True):
                make = partial(_make_objective, plan, stage, use, node, meta=True)
                attempt(into, use.label, f"{stage.name}.{use.label}", make)
    return Sketch(_compose(plan, made), objectives, unknown)


def _compose(plan: Plan, made: dict[str, Any]) -> Pipeline:
    """What was made, in the order of the data's way."""
    here = {path: made[path] for path in plan.configs() if path in made}
    processors = {path: one for path, one in here.items() if isinstance(one, Processor)}
    return Pipeline(plan, processors, {path: here[path] for path in here if path not in processors})


def build_reader(
    plan: Plan, train: Manifest | None = None, assets: Path | None = None
) -> RowReader:
    """The processors alone, to read rows without building the network."""
    processors = _make_all(plan, ("processor",), train, assets)
    return RowReader(plan.recipe, {path.split(".")[1]: one for path, one in processors.items()})


def build_encoders(plan: Plan, train: Manifest | None = None) -> Pipeline:
    """The processors and encoders alone, with the weights they have in the whole pipeline: what
    extraction needs, which neither waits for a language model nor wants its checkpoint."""
    return _compose(plan, _make_all(plan, ("processor", "encoder"), train, None))


def build_objectives(plan: Plan, stage: Stage, pipeline: Pipeline) -> dict[str, Objective]:
    """The objectives of a stage, by label."""
    made: dict[str, Objective] = {}
    for use, node in zip(stage.objectives, plan.objectives[stage.name], strict=True):
        if use.label in made:
            raise UserError(f'stage "{stage.name}": the objective {use.label} stands there twice')
        made[use.label] = _make_objective(plan, stage, use, node)
    return made


def _make_objective(
    plan: Plan, stage: Stage, use: ObjectiveUse, node: Node, meta: bool = False
) -> Objective:
    torch.manual_seed(_seed(plan.recipe.header.seed, f"{stage.name}.{use.label}"))
    context = Context(path=use.label, target=use.target or plan.recipe.data.target, meta=meta)
    objective = _call(node.spec, node.config, context, str(node.entry))
    objective.on, objective.target = use.on, context.target
    return objective


def build_inner(inner: Inner, context: Context, name: str, **changes: Any) -> Any:
    """Build the part that another one's configuration holds at the key ``name``.

    ``context`` is of the part that holds it; ``changes`` are what the inner one is told instead.
    Its weights are drawn from a seed of its own, as those of every part are.

    Raises:
        MissingWeights: a checkpoint is not there.
        UserError: it cannot be made.
    """
    path = ".".join(word for word in (context.path, name) if word)
    assets = context.assets and context.assets / name
    context = evolve(context, path=path, assets=assets, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed(torch.initial_seed(), path))
        part = _call(inner.spec, inner.config, context, f'{inner.spec.kind} "{inner.name}"')
    part.context = evolve(context, train=None, texts=())
    return part


def _make_all(
    plan: Plan, kinds: Sequence[str], train: Manifest | None, assets: Path | None
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    missing: list[MissingWeights] = []
    for path, node in _in_order(plan, kinds):
        try:
            made[path] = _make(plan, node, train, assets)
        except MissingWeights as error:
            missing.append(error)
        except UserError:
            if not missing:  # else it may be for want of a size that the missing would tell
                raise
            missing += _missing_inside(node, _context(plan, node, train, assets))
    if missing:
        raise _together(missing)
    return made


def _missing_inside(node: Node, context: Context) -> Iterator[MissingWeights]:
    """The checkpoints that parts inside another one lack, which could not be made itself."""
    for _, make in _inside(node, context):
        try:
            make()
        except MissingWeights as error:
            yield error
        except UserError:
            pass


def _inside(node: Node, context: Context) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The paths of the parts that a part holds, and what makes each by itself."""
    for key in inner_parts(type(node.config)):
        yield f"{node.path}.{key}", partial(build_inner, getattr(node.config, key), context, key)


def _in_order(plan: Plan, kinds: Sequence[str]) -> Iterator[tuple[str, Node]]:
    for kind in kinds:
        yield from ((path, node) for path, node in plan.nodes.items() if node.kind == kind)


def _together(missing: list[MissingWeights]) -> MissingWeights:
    """One error for all checkpoints that are not there."""
    first = missing[0]
    if len(missing) == 1:
        return first
    lines = [
        f"{len(missing)} checkpoints are neither folders nor in the Hugging Face cache; fetch them",
        *(f"  {one.key}: {one.fetch}" for one in missing),
        "here, or on a machine with a network (`hf download` with --local-dir FOLDER), bring the "
        f"folders here and name each in its key: --set {first.key}=FOLDER",
    ]
    return MissingWeights("\n".join(lines), first.key, first.name, first.fetch)


def _make(
    plan: Plan, node: Node, train: Manifest | None, assets: Path | None, meta: bool = False
) -> Any:
    torch.manual_seed(_seed(plan.recipe.header.seed, node.path))
    context = _context(plan, node, train, assets, meta)
    part = _call(node.spec, node.config, context, str(node.entry))
    told = node.inputs if node.kind == "decoder" else node.output
    if told is not None:
        _settle(node, told, part.sizes())
    # The rows were needed to build; a part must not keep a corpus alive, nor be pickled with it.
    part.context = evolve(context, train=None)
    return part


def _context(
    plan: Plan, node: Node, train: Manifest | None, assets: Path | None, meta: bool = False
) -> Context:
    return Context(
        path=node.path,
        signal=node.signal,
        inputs=node.inputs,
        streams=node.streams,
        output=node.output,
        train=train,
        target=plan.recipe.data.target,
        assets=assets and assets / node.path,
        meta=meta,
    )


def _call(spec: ComponentSpec, config: Any, context: Context, who: str) -> Any:
    try:
        factory = spec.load()
    except ImportError as error:
        raise UserError(f"{context.path}: {who} cannot be imported: {error}") from error
    with _tells_damage(context.assets):
        part = factory(config, context)
    if not isinstance(part, Part | Processor) and spec.kind not in ("corpus", "metric"):
        raise UserError(f"{context.path}: {who} made a {type(part).__name__}, no {spec.kind}")
    return part


@contextmanager
def _tells_damage(assets: Path | None) -> Iterator[None]:
    """Raise a UserError that names the files of a saved pipeline that a part cannot be made of:
    libraries have their own errors for those that somebody edited or only half copied."""
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if assets is None or not assets.is_dir():
            raise
        raise UserError(
            f"{assets}: nothing can be made of these files, are they damaged? save or copy the "
            f"pipeline again ({type(error).__name__}: {error})"
        ) from error


def _settle(node: Node, told: TensorType, sizes: dict[str, int]) -> None:
    """Bind the sizes that only the built part could tell."""
    with part_speaking(node.path):
        for name, size in sizes.items():
            ours = told[name]
            if not unify(ours, Size(size)):
                assert isinstance(ours, Size)
                raise UserError(
                    f'{node.path}: the {node.kind} "{node.name}" has {name} = {size}, '
                    f"but {name} = {int(ours)} was fixed by `{ours.said_by}`"
                )


def _seed(seed: int, path: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {path}".encode()).digest()[:4], "big")
