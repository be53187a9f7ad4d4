"""What ``slp data check`` says of manifests."""

from types import SimpleNamespace

import numpy as np
import pytest

from slp_core.errors import UserError
from slp_core.manifest import write_manifest
from slp_core.reading import RowReader
from slp_core.recipe_file import parse_recipe
from slp_core.signals import Processor, Signal
from slp_train.data_check import check_data, print_data_check

RECIPE = """
[recipe]
name = "toy"
[data]
train = "train.tsv"
test = "test.tsv"
[streams.hands]
signal = "pose"
encoder = "e"
[streams.words]
signal = "gloss"
encoder = "e"
[fusion]
use = "f"
[decoder]
use = "d"
"""


class Steps(Processor):
    """A step a letter of what it is given."""

    def __init__(self, reads_files):
        super().__init__(None)
        self.reads_files = reads_files

    def read(self, clip):
        return Signal(np.zeros((len(clip.source), 1), np.float32), 25.0)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe whose parts are not looked for."""
    recipe = parse_recipe(RECIPE)
    reader = RowReader(recipe, {"hands": Steps(True), "words": Steps(False)})
    plan = SimpleNamespace(recipe=recipe)
    monkeypatch.setattr("slp_train.data_check.check", lambda _: plan)
    monkeypatch.setattr("slp_core.build.build_reader", lambda *_: reader)
    monkeypatch.chdir(tmp_path)
    return recipe


def test_what_is_written_in_the_manifest_is_no_file(recipe):
    write_manifest("train.tsv", ["pose", "gloss", "text"], [["a", "RAIN", "it rains"]])
    rows = [["a", "SNOW", "it snows"], ["b", "RAIN", ""]]
    write_manifest("test.tsv", ["pose", "gloss", "text"], rows)
    result = check_data(recipe)
    assert {one["what"]: one["shared_rows"] for one in result["overlap"]} == {
        "sentences": 0, "pose files": 1, "gloss": 1,
    }  # fmt: skip
    test = result["splits"]["test"]
    assert (test["rows"], test["steps"]) == (2, 4)
    assert test["bad"] == ["test.tsv:3: the target `text` is empty"]


def test_a_column_that_is_not_there_is_said_once(recipe):
    write_manifest("train.tsv", ["pose", "gloss", "text"], [["a", "RAIN", "it rains"]])
    write_manifest("test.tsv", ["poses", "gloss", "txt"], [["a", "RAIN", "it rains"]] * 2)
    said = r'^test\.tsv: no column "pose"; did you mean "poses"\?.*; no column "text"; did you mean'
    for one in (recipe, parse_recipe(RECIPE.replace('"gloss"', '"pose"'))):
        with pytest.raises(UserError, match=said) as caught:
            check_data(one)
        assert str(caught.value).count("no column") == 2


def test_what_objectives_alone_hear_is_not_wanted_of_the_test_split(recipe):
    heard = parse_recipe(RECIPE.replace('use = "f"', 'use = "f"\nstreams = ["hands"]'))
    write_manifest("train.tsv", ["pose", "gloss", "text"], [["a", "RAIN", "it rains"]])
    write_manifest("test.tsv", ["pose", "text"], [["abc", "it rains"]])
    test = check_data(heard)["splits"]["test"]
    assert (test["rows"], test["bad"], test["steps"]) == (1, [], 3)


def test_a_manifest_that_is_not_there_is_named_beside_those_that_are(recipe, capsys):
    write_manifest("train.tsv", ["pose", "gloss", "text"], [["a", "RAIN", "it rains"]])
    result = check_data(recipe)
    assert (list(result["splits"]), result["absent"]) == (["train"], {"test": "test.tsv"})
    print_data_check(result)
    assert "test.tsv: is not there; nothing of the test split" in capsys.readouterr().err
    write_manifest("test.tsv", ["pose", "gloss", "text"], [["a", "RAIN", "it rains"]])
    assert check_data(recipe)["absent"] == {}


def test_without_any_manifest_it_says_which_it_looked_for(recipe, monkeypatch):
    with pytest.raises(UserError, match=r"none of its manifests is there \(train.tsv, test.tsv\)"):
        check_data(recipe)
    none = parse_recipe(RECIPE.replace('train = "train.tsv"\ntest = "test.tsv"', ""))
    monkeypatch.setattr("slp_train.data_check.check", lambda _: SimpleNamespace(recipe=none))
    with pytest.raises(UserError, match=r"recipe.toml: names no manifest: write data\.train"):
        check_data(none)
