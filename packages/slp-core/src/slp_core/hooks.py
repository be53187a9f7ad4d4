"""The few verbs a plugin may add to a run.

A plugin registers a module or object under the entry-point group ``slp.hooks`` and implements
some of these functions with ``@hookimpl``::

    from slp_core.hooks import hookimpl

    @hookimpl
    def slp_provenance():
        return {"cluster": "queue-7"}
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pluggy

from slp_core.errors import Problem, UserError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from slp_core.batch import Sample
    from slp_core.check import Plan
    from slp_core.features import FeatureStore
    from slp_core.parts import Note, Translation
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage

GROUP = "slp.hooks"
hookspec = pluggy.HookspecMarker("slp")
hookimpl = pluggy.HookimplMarker("slp")


class Hooks:
    """What may be implemented."""

    @hookspec
    def slp_check(self, plan: Plan) -> list[Problem]:  # type: ignore[empty-body]
        """Say what else is wrong with a recipe. Called by ``slp check``; imports no torch."""

    @hookspec
    def slp_before_build(self, plan: Plan) -> None:
        """Called before the first part is imported."""

    @hookspec
    def slp_after_build(self, pipeline: Pipeline) -> None:
        """Called with the built pipeline, before weights are loaded or trained."""

    @hookspec(firstresult=True)
    def slp_feature_store(self, folder: Path) -> FeatureStore | None:
        """Give the feature cache in a folder. The first plugin that gives one is asked no other."""

    @hookspec
    def slp_before_stage(
        self, pipeline: Pipeline, stage: Stage, samples: list[Sample], folder: Path
    ) -> None:
        """Called in the main process before the first step of a stage that trains: not of one
        that is resumed, nor of one that is loaded because it is finished.

        ``samples``: at most 16 of the validation split (of the training split where there is
        none), evenly spaced over its rows, none where the stage reads no signal;
        ``folder``: the stage's, for what is to be looked at later. The pipeline is in evaluation
        mode, and is to be left as it is found.
        """

    @hookspec
    def slp_after_stage(
        self, pipeline: Pipeline, stage: Stage, samples: list[Sample], folder: Path
    ) -> None:
        """Called in the main process when a stage that trains has ended, resumed or not, with the
        weights it ends with; otherwise as :meth:`slp_before_stage`, and with the same samples."""

    @hookspec
    def slp_after_translation(  # type: ignore[empty-body]
        self, pipeline: Pipeline, translations: list[Translation]
    ) -> list[list[Note]]:
        """Say what is to be noted of each translation, ``[]`` where nothing is.

        Called with every batch that is translated, in evaluations too; the text stays as it is.
        """

    @hookspec
    def slp_step(self, stage: str, step: int, logs: dict[str, float]) -> None:
        """Called in the main process when a stage logs its losses."""

    @hookspec
    def slp_evaluation(self, stage: str, split: str, scores: dict[str, float]) -> None:
        """Called in the main process after an evaluation."""

    @hookspec
    def slp_report(self, run: Path) -> list[tuple[str, str]]:  # type: ignore[empty-body]
        """Give sections (title, HTML) to add to a run's report."""

    @hookspec
    def slp_provenance(self) -> dict[str, str]:  # type: ignore[empty-body]
        """Give facts to record with every run, beside versions, git state and data hashes."""


@cache
def hooks() -> Any:
    """The callable hooks of all installed plugins (``hooks().slp_check(plan=plan)``).

    Raises:
        UserError: a plugin cannot be loaded, or implements a hook that does not exist.
    """
    manager = pluggy.PluginManager("slp")
    manager.add_hookspecs(Hooks)
    for point in entry_points(group=GROUP):
        owner = point.dist.name if point.dist else "?"
        try:
            plugin = point.load()
        except Exception as error:  # a plugin may fail in any way; its user is told how
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f'hooks "{point.name}" of {owner} ({point.value}): cannot be loaded: {reason}'
            ) from error
        manager.register(plugin, name=f"{owner}:{point.name}")
        refuse_misspelt(plugin, f'hooks "{point.name}" of {owner} ({point.value})')
    return manager.hook


def refuse_misspelt(plugin: object, who: str) -> None:
    """Raise a UserError for a ``@hookimpl`` whose name is no hook."""
    known = [name for name in vars(Hooks) if name.startswith("slp_")]
    for name in dir(plugin):
        if hasattr(getattr(plugin, name), "slp_impl") and name not in known:
            raise UserError(f"{who}: there is no hook {name}{did_you_mean(name, known)}")
