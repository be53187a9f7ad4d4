"""Annotators over manifests: what is added where, and what is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from slp_core import registry
from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_core.recipe_file import parse_recipe
from slp_train.run import read_manifests

TOY = '''
from pathlib import Path
from attrs import frozen
from slp_core.annotator import Annotator
from slp_core.spec import ComponentSpec

@frozen
class Config:
    column: str = "count"
    wrong: str = ""

class Count(Annotator):
    """Words of the target, and a file that tells them."""
    def __init__(self, config, context):
        super().__init__(config, context)
        self.columns = (config.column, f"features.{config.column}")
        self.files = self.columns[1:]
    def annotate(self, rows, folder, progress=None):
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            count = str(len(row.get(self.context.target).split()))
            file = folder / count
            file.write_text(count)
            yield dict(zip(self.columns, [count + self.config.wrong, str(file)]))
    def provenance(self):
        return {"counting": "by hand"}

SPEC = ComponentSpec("annotator", Config, "toy_count:Count")
'''
RECIPE = """
[recipe]
name = "toy"
[data]
root = "{root}"
train = "in/train.tsv"
test = "in/test.tsv"
target = "said"
annotate = {annotate}
[streams.a]
signal = "a"
encoder = "a"
[decoder]
use = "a"
"""


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch):
    """An annotator of a third party's."""
    info = tmp_path / "site/toy_count-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-count\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[slp.annotator]\ncount = toy_count:SPEC\n")
    (tmp_path / "site/toy_count.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry.entries.cache_clear()
    yield
    sys.modules.pop("toy_count", None)
    registry.entries.cache_clear()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data/in").mkdir(parents=True)
    for name in ("train", "test"):
        text = "id\tvideo\tsaid\nx\tx.mp4\tit rains\ny\tin y.mp4\tsnow\n"
        (tmp_path / f"data/in/{name}.tsv").write_text(text)
    (tmp_path / "data/in/x.mp4").touch()
    return tmp_path / "data"


def manifests(home: Path, annotate: str = '["count"]') -> dict:
    recipe = parse_recipe(RECIPE.format(root=home, annotate=annotate))
    return read_manifests(recipe, ["train"])


def test_a_recipe_adds_the_columns_that_its_manifests_lack(home):
    found = manifests(home)
    for manifest in found.values():
        assert manifest.columns == ("id", "video", "said", "count", "features.count")
        assert manifest.column("count") == ["2", "1"]
        assert [row.path("features.count").read_text() for row in manifest] == ["2", "1"]
        assert [row.where for row in manifest] == [
            row.where for row in read_manifest(manifest.file)
        ]
    assert (home / "annotations/count/2").is_file()
    (facts,) = found["train"].annotations
    assert facts == {
        "annotator": "count", "package": "toy-count", "version": "1.0", "config": {},
        "columns": ["count", "features.count"], "provenance": {"counting": "by hand"},
    }  # fmt: skip


def test_a_column_of_the_manifest_is_used_and_said(home, capsys):
    (home / "in/test.tsv").write_text("count\tsaid\n9\tit rains\n")
    found = manifests(home)["test"]
    assert found.column("count") == ["9"]
    assert found.rows[0].path("features.count").read_text() == "2"
    assert found.annotations[0]["columns"] == ["features.count"]
    said = capsys.readouterr().err
    assert f"{home}/in/test.tsv: has count; it is used in place of count's" in said
    assert "train.tsv" not in said


def test_an_annotator_may_be_of_some_splits_only(home):
    found = manifests(home, '[{ use = "count", splits = ["train"] }]')
    assert "count" in found["train"].columns and "count" not in found["test"].columns


def test_two_annotators_do_not_give_one_column(home):
    with pytest.raises(UserError, match='count and count both give the column "count"'):
        manifests(home, '["count", "count"]')
    assert "b" in manifests(home, '["count", { use = "count", column = "b" }]')["test"].columns


def test_a_field_that_no_manifest_can_say_is_the_annotators_fault(home):
    with pytest.raises(ValueError, match="toy-count 1.0.*train.tsv:2: count: a tab or line break"):
        manifests(home, r'[{ use = "count", wrong = "\t" }]')
