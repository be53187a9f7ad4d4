"""Checkpoints are chosen on the validation split, and on nothing else."""

import shutil

import pytest

from slp_core.errors import UserError
from slp_core.manifest import read_manifest, write_manifest
from slp_core.recipe_file import parse_recipe
from slp_train.evaluation import refuse_test_selection

RECIPE = """
[recipe]
name = "r"
[data]
[streams.a]
signal = "{}"
encoder = "e"
[decoder]
use = "d"
"""


@pytest.fixture
def split(tmp_path):
    """``split("name", rows)`` writes a manifest of clips that exist."""

    def make(name, rows, columns=("id", "pose", "text"), folder="."):
        home = tmp_path / folder
        (home / "clips").mkdir(parents=True, exist_ok=True)
        for row in rows:
            (home / "clips" / row[1].rpartition("/")[2]).touch()
        write_manifest(home / f"{name}.tsv", columns, rows)
        return read_manifest(home / f"{name}.tsv")

    return make


def check(validation, test, signal="pose"):
    recipe = parse_recipe(RECIPE.format(signal))
    refuse_test_selection({"validation": validation, "test": test}, recipe)


def test_apart_is_apart(split):
    test = split("test", [["1", "clips/a", "A"], ["2", "clips/b", "B"]])
    check(split("dev", [["1", "clips/c", "A"], ["2", "clips/d", "B"]]), test)
    refuse_test_selection({"test": test}, parse_recipe(RECIPE.format("pose")))


def test_one_manifest_under_two_names(split, tmp_path):
    test = split("test", [["1", "clips/a", "A"]])
    copy = shutil.copy(test.file, tmp_path / "dev.tsv")
    for validation in (test, read_manifest(copy)):
        with pytest.raises(UserError, match=r"data.validation .* is the test split"):
            check(validation, test)


def test_shared_clips(split, tmp_path):
    test = split("test", [["1", "clips/a", "A"], ["2", "clips/b", "B"]])
    validation = split("dev", [["x", "clips/c", "C"], ["y", "clips/../clips/b", "B."]])
    with pytest.raises(UserError, match=r"1 of 2 validation samples .*dev.tsv:3 is .*test.tsv:3"):
        check(validation, test)
    (tmp_path / "clips" / "link").symlink_to("a")
    with pytest.raises(UserError, match="1 of 1 validation samples"):
        check(split("linked", [["x", "clips/link", "C"]]), test)


def test_other_spans_of_a_clip_are_other_samples(split):
    columns = ("id", "pose", "text", "start", "end")
    test = split("test", [["1", "clips/a", "A", "0", "500"]], columns)
    check(split("dev", [["2", "clips/a", "A", "500", "900"]], columns), test)
    with pytest.raises(UserError, match="1 of 1"):
        check(split("same", [["2", "clips/a", "B", "0", "500"]], columns), test)


def test_text_may_be_shared_but_not_samples(split):
    columns = ("id", "gloss", "text")
    test = split("test", [["t1", "REGEN MORGEN", "Morgen regnet es"]], columns)
    check(split("dev", [["d1", "REGEN MORGEN", "Morgen regnet es"]], columns), test, "gloss")
    with pytest.raises(UserError, match="1 of 2"):
        rows = [["t1", "REGEN MORGEN", "Morgen regnet es"], ["d2", "SONNE", "Sonne"]]
        check(split("same", rows, columns), test, "gloss")
