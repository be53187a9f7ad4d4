"""``slp plugins`` and what stands below it."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace

import pytest
from attrs import field, frozen, validators

from slp_core import registry
from slp_core.spec import ComponentSpec


@pytest.fixture
def slp(slp):
    """``slp("list")`` calls `slp plugins list`."""
    return partial(slp, "plugins")


def test_no_command_lists(slp):
    assert slp() == slp("list")
    assert slp("--kind", "metric") == slp("list", "--kind", "metric")
    assert "  bleu " in slp()[1] and "  bleu " not in slp("--kind", "encoder")[1]


def test_help_is_of_the_group(slp):
    code, out, _ = slp("--help")
    assert code == 0 and "Commands:" in out and "check" in out


def test_an_unknown_command_is_met_with_the_nearest(slp):
    code, _, err = slp("chek")
    assert code == 2 and 'there is no command "chek"; did you mean "check"?' in err


def test_a_part_is_shown_with_its_keys_and_lines_for_a_recipe(slp):
    code, out, err = slp("show", "dinov2")
    assert (code, err) == (0, "")
    for said in (
        "encoder dinov2  slp-encoders",
        "arXiv:2304.07193",
        "b t c=3 h=224 w=224 (video, uint8)",
        '"cls" | "patch-mean"',
        "required",
        'encoder = { use = "dinov2", model = "facebook/dinov2-small" }',
    ):
        assert said in out


def test_a_part_for_programs(slp):
    told = json.loads(slp("show", "cascade", "--json")[1])
    assert (told["kind"], told["package"], told["paper"]) == (
        "decoder", "slp-llm", "arXiv:2509.00030"
    )  # fmt: skip
    keys = {key["name"]: key for key in told["keys"]}
    assert keys["then"]["required"] and keys["then"]["type"] == "a decoder"
    assert (keys["first.use"]["default"], keys["then.use"]["default"]) == ("ctc", None)
    assert keys["first.beams"]["default"] == 1, "the keys of the part that is meant"
    assert keys["noise.drop"]["help"] == "share of glosses left out"
    assert told["signature"][0]["takes"] == "b t d"
    assert 'first = { target = "pseudo_gloss" }' in told["recipe"]


@pytest.mark.parametrize(
    "written", [("encoder:pose",), ("encoder", "pose"), ("encoder", "slp-encoders:pose")]
)
def test_the_kind_may_be_told(slp, written):
    told = json.loads(slp("show", *written, "--json")[1])
    assert (told["kind"], told["name"]) == ("encoder", "pose")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("clpi",), 'no part "clpi"; did you mean "clip"?'),
        (("encodr:pose",), 'no part "encodr:pose"; did you mean "encoder:pose"?'),
        (("pose",), '"pose" is the name of 2 parts; write processor:pose or encoder:pose'),
        (("slp-encoders:pose",), "write processor:pose or encoder:pose"),
        (("mapper", "clip"), '"clip" is no mapper; its kind is encoder'),
    ],
)
def test_what_is_no_part_is_told(slp, written, said):
    code, out, err = slp("show", *written)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err


@pytest.fixture
def another(monkeypatch):
    """A second package with an encoder `pose`, whose example is refused."""

    @frozen
    class Config:
        size: int = field(validator=validators.ge(2))
        names: list[str] = field(metadata={"help": "of the joints"})

    spec = ComponentSpec("encoder", Config, "another:Pose", lambda config, inputs: inputs)
    point = SimpleNamespace(value="another:SPEC", load=lambda: spec)
    entry = registry.Entry("encoder", "pose", "another", "1", point)
    known = registry.entries()
    monkeypatch.setattr(registry, "entries", lambda: (*known, entry))
    return entry


def test_a_name_of_two_packages(slp, another):
    code, _, err = slp("show", "encoder:pose")
    assert code == 2 and 'write "slp-encoders:pose" or "another:pose"' in err
    _, _, err = slp("show", "pose")
    assert "write processor:slp-encoders:pose" in err and "or encoder:another:pose" in err
    assert "another:pose" in slp("list")[1]
    out = slp("show", "another:pose")[1]
    assert 'encoder = { use = "another:pose", size = 1, names = [] }' in out, "placeholders"
    assert "its example is refused: size: must be >= 2" in out
