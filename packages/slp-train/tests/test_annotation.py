"""Annotators over manifests: what is added where, and what is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from slp_core import registry
from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_core.recipe import Use
from slp_core.recipe_file import parse_recipe
from slp_train import annotation
from slp_train.annotation import annotate_files, complete, provenance_of
from slp_train.run import read_manifests
from slp_train.stage import _content

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
        for number, row in enumerate(rows, 1):
            if progress is not None:
                progress(number, len(rows))
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
        assert manifest.column("features.count")[0] == "../annotations/count/2"
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


def test_other_annotations_are_another_stage(home):
    """What tells whether a killed stage may go on."""

    def content(annotate: str) -> str:
        reader = SimpleNamespace(files=lambda row: [], processors=[], only=lambda _: reader)
        rows, pipeline = manifests(home, annotate)["train"].rows, SimpleNamespace(reader=reader)
        return _content(SimpleNamespace(rows=rows, pipeline=pipeline, reader=reader))

    same, other = '["count"]', '[{ use = "count", wrong = "x" }]'
    assert content(same) == content(same) != content(other)


def test_whether_nobody_would_have_to_work(home):
    recipe = parse_recipe(RECIPE.format(root=home, annotate='["count"]'))
    bare = read_manifest(home / "in/train.tsv")
    assert not complete(bare, recipe.data, "train")
    assert complete(manifests(home)["train"], recipe.data, "train")
    nobody = parse_recipe(RECIPE.format(root=home, annotate="[]"))
    assert complete(bare, nobody.data, "train")


# -- files -------------------------------------------------------------------------------------


@pytest.fixture
def file(home) -> Path:
    (home / "in/train.tsv").write_text("id\tvideo\ttext\nx\tx.mp4\tit rains\ny\tin y.mp4\tsnow\n")
    return home / "in/train.tsv"


def test_a_manifest_is_written_anew_with_what_made_it(file):
    before = read_manifest(file)
    (done,) = annotate_files([file], Use("count", {"column": "words"}))
    after = read_manifest(file)
    assert after.columns == (*before.columns, "words", "features.words")
    assert [row.path("features.words").read_text() for row in after] == ["2", "1"]
    assert [row.fields | old.fields for row, old in zip(after, before, strict=True)] == [
        row.fields for row in after
    ]
    (facts,) = json.loads(provenance_of(file).read_text())["annotations"]
    assert facts["input"] == {"file": "train.tsv", "rows": 2, "sha256": before.hash}
    assert facts["config"] == {"column": "words"} and facts["version"] == "1.0"
    assert facts["provenance"] == {"counting": "by hand"} and facts["date"]
    assert done["empty"] == {"words": 0, "features.words": 0} and done["rows"] == 2


def test_another_file_of_the_folder(file):
    content = file.read_bytes()
    annotate_files([file], Use("count"), file.parent / "out.tsv")
    assert file.read_bytes() == content and not provenance_of(file).exists()
    assert read_manifest(file.parent / "out.tsv").column("count") == ["2", "1"]
    with pytest.raises(UserError, match=r"relative to its folder; .*in/out.tsv"):
        annotate_files([file], Use("count"), file.parent.parent / "out.tsv")


def test_a_column_is_replaced_only_if_asked_for(file):
    annotate_files([file], Use("count"))
    annotate_files([file], Use("count", {"column": "more"}))
    with pytest.raises(UserError, match=r"train.tsv: has count, features.count already; --replace"):
        annotate_files([file], Use("count", {"wrong": "!"}))
    annotate_files([file], Use("count", {"wrong": "!"}), replace=True)
    assert read_manifest(file).columns[3:] == (
        "count", "features.count", "more", "features.more",
    )  # fmt: skip
    assert read_manifest(file).column("count") == ["2!", "1!"]
    records = json.loads(provenance_of(file).read_text())["annotations"]
    assert [one["config"] for one in records] == [{"column": "more"}, {"wrong": "!"}]


def test_nothing_is_written_where_one_of_the_manifests_is_wrong(file):
    content = file.read_bytes()
    for other in (file.parent / "absent.tsv", file.parent / "test.tsv"):
        (file.parent / "test.tsv").write_text("text\tcount\na\t1\n")
        with pytest.raises(UserError):
            annotate_files([file, other], Use("count"))
        assert file.read_bytes() == content and not provenance_of(file).exists()


def test_a_kill_leaves_the_manifest_as_it_was(file, monkeypatch):
    content = file.read_bytes()

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(annotation, "write_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            annotate_files([file], Use("count"))
    assert file.read_bytes() == content
    annotate_files([file], Use("count"))
    assert len(json.loads(provenance_of(file).read_text())["annotations"]) == 1


def test_multimodalhugs_columns_keep_their_names(file):
    header = "signal\tsignal_start\tsignal_end\toutput"
    file.write_text(f"{header}\nx.mp4\t0\t0\tit rains\n")
    annotate_files([file], Use("count"))
    assert file.read_text().splitlines()[0] == f"{header}\tcount\tfeatures.count"
    assert read_manifest(file).column("count") == ["2"]


def test_a_file_that_is_no_provenance_is_not_written_over(file):
    provenance_of(file).write_text("mine")
    with pytest.raises(UserError, match="provenance.json: is no provenance of a manifest"):
        annotate_files([file], Use("count"))
    assert provenance_of(file).read_text() == "mine"
