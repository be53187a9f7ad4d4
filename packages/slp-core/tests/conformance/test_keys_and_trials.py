"""Specs, their keys and their trials: what is wrong with them is told before a part is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen, validators

from slp_core.testing import NotTried, Trial, examine, faults

from .toys import Honest, assert_named


def test_a_missing_package_is_named(spec: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "needy.py").write_text("import no_such_package_of_mine\nclass Part: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    (line,) = faults(spec(Honest, factory="needy:Part"))
    for words in ("needs: the mapper needy:Part", '"no_such_package_of_mine"', "No module named"):
        assert words in line
    (line,) = faults(spec(Honest, factory="needi:Part"))
    assert line == "factory: there is no module needi; the spec says needi:Part"
    (line,) = faults(spec(Honest, factory="wrong_parts:Pert"))
    assert line == "factory: wrong_parts has no Pert; the spec says wrong_parts:Pert"


def test_a_package_that_is_missed_only_when_it_is_built(spec: Any) -> None:
    class Late(Honest):
        def __init__(self, config: Any, context: Any) -> None:
            super().__init__(config, context)
            import no_such_package_of_mine  # noqa: F401

    assert_named(spec(Late), "needs: the mapper wrong_parts:Part")


def test_specs_stay_light(tmp_path: Path, monkeypatch: Any, spec: Any) -> None:
    (tmp_path / "heavy_spec.py").write_text(
        "from attrs import frozen\nimport torch\n@frozen\nclass Config: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import heavy_spec  # type: ignore[import-not-found]

    found = faults(spec(Honest, config=heavy_spec.Config))
    assert found[0].startswith("imports: heavy_spec, which holds the spec, imports torch")


def test_importing_the_kit_imports_no_torch() -> None:
    program = "import slp_core.testing, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


class Plain:
    """No attrs class."""


def test_a_kind_that_is_none_and_keys_that_are_no_attrs_class(spec: Any) -> None:
    (line,) = faults(spec(Honest, kind="wheel"))
    assert line.startswith('spec: there is no kind "wheel"; one of processor, ')
    (line,) = faults(spec(Honest, config=Plain))
    assert line.startswith("config: <class 'wrong_parts.Plain'> is no attrs class")


# -- keys ----------------------------------------------------------------------------------------


@frozen
class Table:
    depth: int = 1


@frozen
class Silent:
    size: int = 3
    table: Table | None = field(default=None, metadata={"help": "a table"})
    odd: Any = field(default=None, metadata={"help": "whatever"})


def test_keys_without_help_and_without_type(spec: Any) -> None:
    found = faults(spec(Honest, config=Silent))
    assert [line.partition(" has no help")[0] for line in found[:2]] == [
        'help: the key "size"',
        'help: the key "table.depth"',
    ]
    assert found[2] == 'config: the key "odd" takes anything; annotate its type'
    assert len(found) == 3


def stumble(instance: Any, attribute: Any, value: Any) -> None:
    raise KeyError("oops")


@frozen
class Strange:
    size: int = field(default=3, validator=stumble, metadata={"help": "a size"})


def test_what_is_wrong_with_keys_is_no_traceback(spec: Any) -> None:
    made = spec(Honest, config=Strange, trial=lambda folder: Trial(config={"size": 4}))
    assert "trial: raises KeyError (test_keys_and_trials.py:" in faults(made)[0]

    @frozen
    class Nowhere:
        size: NoSuchType = field(default=3, metadata={"help": "a size"})  # type: ignore[name-defined]  # noqa: F821

    assert "config: raises NameError" in faults(spec(Honest, config=Nowhere))[0]


def nothing(instance: Any, attribute: Any, value: Any) -> None: ...


def of_a_table(instance: Any, attribute: Any, value: Any) -> None:
    value.items()


@pytest.mark.parametrize(
    ("validator", "said"),
    [
        (nothing, "is taken; refuse it with a validator"),
        (of_a_table, "raises AttributeError: 'list' object has no attribute 'items'; a validator"),
    ],
)
def test_what_is_badly_written_is_refused(spec: Any, validator: Any, said: str) -> None:
    @frozen
    class Loose:
        names: list[Any] | dict[str, Any] = field(
            factory=dict, validator=validator, metadata={"help": "names, or a table of them"}
        )

    assert_named(spec(Honest, config=Loose), f"config: dict[str, typing.Any] {said}")


def test_what_is_refused_is_refused_by_name(spec: Any) -> None:
    @frozen
    class Nameless:
        names: list[Any] | dict[str, Any] = field(factory=list, metadata={"help": "names"})

        def __attrs_post_init__(self) -> None:
            if self.names:
                raise ValueError("not like this")

    assert_named(spec(Honest, config=Nameless), "config: is refused without its name: : not like")


# -- trials --------------------------------------------------------------------------------------


@frozen
class Needs:
    dim: int = field(validator=validators.ge(1), metadata={"help": "width"})


def test_required_keys_need_a_trial_or_an_example(spec: Any) -> None:
    (line,) = faults(spec(Honest, config=Needs))
    assert line.startswith("trial: a recipe must write dim, and nothing says what")
    assert faults(spec(Honest, config=Needs, example={"dim": 3})) == []


def test_a_trial_says_how(spec: Any, tmp_path: Path) -> None:
    def needs(trial: Any) -> Any:
        return spec(Honest, config=Needs, trial=trial)

    def refuse(folder: Path) -> Trial:
        raise NotTried("the moon is not full")

    good = needs(lambda folder: Trial(config={"dim": 3}, lengths=(4, 2)))
    assert faults(good, tmp_path) == []
    bad = needs(lambda folder: Trial(config={"dim": 0}))
    assert_named(bad, "trial: its own keys are refused: dim: ")
    assert_named(needs(lambda folder: {}), "trial: raises TypeError")
    found = examine(needs(refuse))
    assert found.faults == [] and found.untried == ["not tried: trial: the moon is not full"]


def test_what_a_trial_leaves_out_is_said(spec: Any) -> None:
    class Counts(Honest):
        def forward(self, inputs: Any) -> Any:
            self.shift += 1
            return super().forward(inputs)

    assert_named(spec(Counts), 'state: running it in evaluation changes "shift"')
    skipping = spec(Counts, trial=lambda folder: Trial(skip={"state": "it counts on purpose"}))
    found = examine(skipping)
    assert not any(line.startswith("state: ") for line in found.faults)
    assert "not tried: state: it counts on purpose" in found.untried
