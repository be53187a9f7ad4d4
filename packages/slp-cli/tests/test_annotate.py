"""``slp annotate``."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def slp(slp, monkeypatch, tmp_path):
    """``slp("--with", "letters")`` annotates train.tsv."""
    (tmp_path / "train.tsv").write_text("text\nwe met Ana\nwe met\n")
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, files=("train.tsv",): slp("annotate", *files, *arguments)


LETTERS = ("--with", "letters", "--set", "rule=capitals")


def test_a_manifest_gets_a_column(slp, tmp_path):
    code, out, _ = slp(*LETTERS)
    assert (code, out) == (0, "train.tsv: letters (1 empty), 2 rows\n")
    assert (tmp_path / "train.tsv").read_text() == "text\tletters\nwe met Ana\tANA\nwe met\t\n"
    assert (tmp_path / "train.tsv.provenance.json").is_file()


def test_for_programs(slp):
    code, out, _ = slp(*LETTERS, "-o", "named.tsv", "--json")
    assert code == 0
    assert json.loads(out) == [
        {
            "manifest": "named.tsv",
            "annotator": "letters",
            "rows": 2,
            "empty": {"letters": 1},
            "provenance": "named.tsv.provenance.json",
        }
    ]


@pytest.mark.parametrize(
    ("arguments", "files", "said"),
    [
        (("--with", "leters"), ("train.tsv",), 'no annotator "leters"; did you mean "letters"?'),
        ((*LETTERS, "--set", "colum=a"), ("train.tsv",), 'did you mean "column"?'),
        ((*LETTERS, "--set", "column"), ("train.tsv",), "--set column: is no KEY=VALUE"),
        ((*LETTERS, "--set", "source=txt"), ("train.tsv",), 'train.tsv:2: no column "txt"'),
        (
            LETTERS,
            ("absent.tsv",),
            "absent.tsv: there is no such manifest where this command is called",
        ),
        ((*LETTERS, "--set", "column=text"), ("train.tsv",), "has text already; --replace"),
        ((*LETTERS, "-o", "a.tsv"), ("train.tsv", "train.tsv"), "-o is for one manifest"),
        ((), ("train.tsv",), "--with"),
    ],
)
def test_a_mistake_is_one_message(slp, tmp_path, arguments, files, said):
    code, out, err = slp(*arguments, files=files)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err
    assert (tmp_path / "train.tsv").read_text() == "text\nwe met Ana\nwe met\n"
