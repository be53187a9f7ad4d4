"""From a checked recipe to a pipeline: the only place where parts are imported and made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import evolve

from slp_core.check import Node, Plan, check
from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.hooks import hooks
from slp_core.manifest import Manifest
from slp_core.parts import Objective, Part
from slp_core.pipeline import Pipeline
from slp_core.reading import RowReader
from slp_core.recipe import Recipe, Stage
from slp_core.signals import Processor
from slp_core.tensortype import Size, TensorType, part_speaking, unify

#: Parts whose weights tell sizes come first; what lies between them is made to fit.
_ORDER = ("encoder", "tokenizer", "decoder", "fusion", "mapper")


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
        UserError: a part cannot be made (missing weights, a size that nothing fixes).
    """
    plan = recipe if isinstance(recipe, Plan) else check(recipe)
    hooks().slp_before_build(plan=plan)
    processors = _make_all(plan, ("processor",), train, assets)
    made = _make_all(plan, _ORDER, train, assets)
    parts = {path: made[path] for path in plan.nodes if path in made}
    pipeline = Pipeline(plan, processors, parts)
    hooks().slp_after_build(pipeline=pipeline)
    return pipeline


def build_reader(
    plan: Plan, train: Manifest | None = None, assets: Path | None = None
) -> RowReader:
    """The processors alone, to read rows without building the network."""
    processors = _make_all(plan, ("processor",), train, assets)
    return RowReader(plan.recipe, {path.split(".")[1]: one for path, one in processors.items()})


def build_objectives(plan: Plan, stage: Stage, pipeline: Pipeline) -> dict[str, Objective]:
    """The objectives of a stage, by label."""
    made: dict[str, Objective] = {}
    for use, node in zip(stage.objectives, plan.objectives[stage.name], strict=True):
        torch.manual_seed(_seed(plan.recipe.header.seed, f"{stage.name}.{use.label}"))
        context = Context(path=use.label, target=use.target or plan.recipe.data.target)
        objective = _call(node, context)
        objective.on, objective.target = use.on, context.target
        if use.label in made:
            raise UserError(f'stage "{stage.name}": the objective {use.label} stands there twice')
        made[use.label] = objective
    return made


def _make_all(
    plan: Plan, kinds: Sequence[str], train: Manifest | None, assets: Path | None
) -> dict[str, Any]:
    return {
        path: _make(plan, node, train, assets)
        for kind in kinds
        for path, node in plan.nodes.items()
        if node.kind == kind
    }


def _make(plan: Plan, node: Node, train: Manifest | None, assets: Path | None) -> Any:
    torch.manual_seed(_seed(plan.recipe.header.seed, node.path))
    context = Context(
        path=node.path,
        signal=node.signal,
        inputs=node.inputs,
        streams=node.streams,
        output=node.output,
        train=train,
        target=plan.recipe.data.target,
        assets=assets and assets / node.path,
    )
    part = _call(node, context)
    told = node.inputs if node.kind == "decoder" else node.output
    if told is not None:
        _settle(node, told, part.sizes())
    # The rows were needed to build; a part must not keep a corpus alive, nor be pickled with it.
    part.context = evolve(context, train=None)
    return part


def _call(node: Node, context: Context) -> Any:
    try:
        factory = node.spec.load()
    except ImportError as error:
        raise UserError(f"{node.path}: {node.entry} cannot be imported: {error}") from error
    part = factory(node.config, context)
    if not isinstance(part, Part | Processor) and node.kind not in ("corpus", "metric"):
        raise UserError(f"{node.path}: {node.entry} made a {type(part).__name__}, no {node.kind}")
    return part


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
