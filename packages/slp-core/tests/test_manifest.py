"""Manifests are read verbatim, or refused with file and line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_core.errors import UserError
from slp_core.manifest import read_manifest, write_manifest

FIELD = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), max_size=12)


@given(rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5))
def test_fields_come_back_as_written(rows, tmp_path_factory):
    file = tmp_path_factory.mktemp("m") / "a.tsv"
    write_manifest(file, ["pose", "text"], rows)
    read = read_manifest(file)
    assert [(row.get("pose"), row.get("text")) for row in read] == rows


def test_quotes_and_missing_values_are_text(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text('text\tgloss\n"open\tNA\nNone\t007\nclosed"\tnan\n')
    assert read_manifest(file).column("text") == ['"open', "None", 'closed"']
    assert read_manifest(file).column("gloss") == ["NA", "007", "nan"]


def test_multimodalhugs_files_load_unchanged(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text(
        "signal\tsignal_start\tsignal_end\tencoder_prompt\tdecoder_prompt\toutput\n"
        "a.pose\t0\t0\t__dgs__\t__de__\tguten morgen\n"
        "a.pose\t1000\t2500.5\t__dgs__\t__de__\tund tschüss\n"
    )
    first, second = read_manifest(file)
    assert first.span == (0, None)
    assert second.span == (1000, 2500.5)
    assert second.get("text") == "und tschüss"
    assert second.get("encoder_prompt") == "__dgs__"
    assert first.path("signal") == tmp_path / "a.pose"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "a.tsv:1: the header line is empty"),
        (b"text\n", "the manifest has no rows"),
        (b"text\ttext\na\tb\n", "the column 'text' stands there twice"),
        (b"text\t\na\tb\n", "column 2 has no name"),
        (b"text\tgloss\na\nb\tc\nd\te\tf\n", "a.tsv:2: 1 fields, 2 columns"),
        (b"text\n\xff\xfe\n", "not UTF-8 at byte 5; save it as UTF-8"),
        (b"id\ttext\na\tx\na\ty\n", "a.tsv:3: id 'a' stands on line 2 too"),
    ],
)
def test_a_wrong_manifest_is_refused_in_words(tmp_path, content, reason):
    file = tmp_path / "a.tsv"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_manifest(file)
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["", "a" * 300, "file/a.tsv"])
def test_what_the_system_does_not_open_is_no_manifest(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"{name}: cannot be read: "):
        read_manifest(tmp_path / name)


@pytest.mark.parametrize("span", ["x\t0", "-1\t5", "5\t5", "9\t3", "nan\t0", "0\tinf"])
def test_a_wrong_span_is_refused(tmp_path, span):
    file = tmp_path / "a.tsv"
    file.write_text(f"start\tend\ttext\n{span}\ta\n")
    (row,) = read_manifest(file)
    with pytest.raises(UserError, match="a.tsv:2: "):
        _ = row.span


def test_missing_columns_are_named_with_the_nearest(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("text\ngut\n")
    with pytest.raises(UserError, match='no column "txt"; did you mean "text"'):
        read_manifest(file).column("txt")


def test_a_field_that_cannot_be_said_is_refused(tmp_path):
    with pytest.raises(UserError, match="a tab or line break"):
        write_manifest(tmp_path / "a.tsv", ["text"], [["a\tb"]])
    assert list(tmp_path.iterdir()) == []
