"""The verbs of plugins: all are documented, and those of stages arrive with what they promise."""

from __future__ import annotations

from pathlib import Path

from slp_core.hooks import Hooks, hooks

PLUGIN = """
from slp_core.hooks import hookimpl
told = []
@hookimpl
def slp_before_stage(pipeline, stage, samples, folder): told.append(("before", stage, folder))
@hookimpl
def slp_after_stage(stage, samples): told.append(("after", stage, samples))
"""


def test_every_verb_is_documented() -> None:
    verbs = {name: verb for name, verb in vars(Hooks).items() if name.startswith("slp_")}
    assert len(verbs) > 5
    assert [name for name, verb in verbs.items() if not verb.__doc__] == []


def test_a_plugin_sees_a_stage_before_and_after(toy, tmp_path: Path) -> None:
    toy("looking", "[slp.hooks]\nlooking = looking_plugin\n", looking_plugin=PLUGIN)
    given = {"pipeline": None, "stage": "words", "samples": [1], "folder": tmp_path}
    from looking_plugin import told

    verbs = hooks()  # of all that is installed; others are not asked here
    for verb in (verbs.slp_before_stage, verbs.slp_after_stage):
        (ours,) = (one for one in verb.get_hookimpls() if one.plugin_name == "looking:looking")
        ours.function(*(given[name] for name in ours.argnames))
    assert told == [("before", "words", tmp_path), ("after", "words", [1])]
