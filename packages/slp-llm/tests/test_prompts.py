"""Prompts are filled in from the training rows, and nobody is shown his own sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
from slp_llm.decoders.prompts import ExamplesConfig, Prompt

SPAMO = "{signs} Translate the given sentence into German. {examples}"
PAIR = ExamplesConfig("{text_en}={text}")


def manifest(*texts: str, file: str = "train.tsv") -> Manifest:
    """Rows that say the texts; the column ``text_en`` tells each row from every other."""
    columns = ("id", "text_en", "text")
    return Manifest(
        Path(file),
        columns,
        tuple(
            Row(dict(zip(columns, (f"r{n}", f"row{n}", text), strict=True)), Path(file), n + 2)
            for n, text in enumerate(texts)
        ),
        "",
    )


def prompt(template: str = SPAMO, examples: ExamplesConfig | None = PAIR, **context) -> Prompt:
    context.setdefault("train", manifest("eins", "zwei", "drei", "vier"))
    return Prompt(template, examples, Context(**context), "decoder.prompt")


def shown(made: Prompt, row: Row | None) -> list[str]:
    """The examples alone, of prompts that are nothing else, joined by a line break."""
    return made.around(row)[0].split("\n")


def lines(count: int = 1) -> ExamplesConfig:
    return ExamplesConfig("{text_en}={text}", count, "\n")


@pytest.mark.parametrize(
    ("template", "around"),
    [
        ("", ("", "")),
        ("__dgs__", ("__dgs__", "")),
        ("am tag ", ("am tag ", "")),  # as it is written, where no {signs} is
        ("{signs}", ("", "")),
        ("{signs} ins Deutsche", ("", "ins Deutsche")),
        ("Satz: {signs}\nDeutsch:", ("Satz:", "\nDeutsch:")),
        ("a  {signs}  b", ("a ", " b")),
        ("{{signs}} {signs} }}", ("{signs}", "}")),
    ],
)
def test_the_signs_part_the_prompt(template, around):
    assert prompt(template, None).around(None) == around


def test_spamos_prompt():
    made = prompt(train=manifest("eins", "zwei"))
    first, second = made_rows = manifest("eins", "zwei").rows
    assert [made.around(row) for row in made_rows] == [
        ("", "Translate the given sentence into German. row1=zwei"),
        ("", "Translate the given sentence into German. row0=eins"),
    ]
    assert first.id != second.id


def test_fields_are_not_read_as_a_template():
    made = prompt("{examples}", train=manifest("{signs} {examples}", "{", "}}"))
    said = {made.around(row)[0] for row in manifest("{signs} {examples}", "{", "}}")}
    assert said <= {"row0={signs} {examples}", "row1={", "row2=}}"}


# -- who is shown what -------------------------------------------------------------------------


@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=14),
    count=st.integers(1, 4),
)
def test_no_training_row_is_shown_its_sentence(texts, count):
    rows = manifest(*texts)
    often = max(texts.count(text) for text in texts)
    if len(texts) - often < count:
        with pytest.raises(UserError, match=f"{often} of the {len(texts)} rows of train.tsv say"):
            prompt("{examples}", lines(count), train=rows)
        return
    made = prompt("{examples}", lines(count), train=rows)
    known = {f"row{n}={text}" for n, text in enumerate(texts)}
    for row in rows:
        found = shown(made, row)
        assert len(set(found)) == count
        assert set(found) <= known
        assert all(one.partition("=")[2] != row.get("text") for one in found)


@given(number=st.integers(2, 40), count=st.integers(1, 3))
def test_where_all_differ_each_is_shown_equally_often(number, count):
    rows = manifest(*(f"text{n}" for n in range(number)))
    if count >= number:
        return
    made = prompt("{examples}", lines(count), train=rows)
    found = [one for row in rows for one in shown(made, row)]
    assert all(found.count(one) == count for one in found)
    for place in range(count):  # a constant shift is a permutation
        assert len({shown(made, row)[place] for row in rows}) == number


def test_a_row_is_shown_the_same_each_time_and_anywhere():
    rows = manifest(*(f"text{n}" for n in range(30)))
    made = prompt("{examples}", lines(3), train=rows)
    once = {row.id: shown(made, row) for row in rows}
    again = prompt("{examples}", lines(3), train=rows)
    assert once == {row.id: shown(again, row) for row in reversed(rows.rows)}


def test_a_training_row_is_known_by_another_path():
    rows = manifest("eins", "zwei")
    made = prompt("{examples}", train=rows)
    for file in ("/elsewhere/train.tsv", "data/../train.tsv"):
        for row in rows:
            assert made.around(evolve(row, file=Path(file))) == made.around(row)
    untold = evolve(rows.rows[0], fields={"id": "r0"})  # a copy without translations
    assert made.around(untold) == ("row1=zwei", "")


@given(
    ours=st.lists(st.sampled_from("abc"), min_size=2, max_size=6, unique=True),
    theirs=st.lists(st.sampled_from("abcxyz"), min_size=1, max_size=6),
    named=st.booleans(),
)
def test_other_rows_are_shown_training_rows_whatever_they_say(ours, theirs, named):
    # SpaMo's issue 12: there the references of other test rows are shown.
    made = prompt("{examples}", lines(), train=manifest(*ours))
    known = {f"row{n}={text}" for n, text in enumerate(ours)}
    for row in manifest(*theirs, file="test.tsv"):
        if not named:
            row = evolve(row, fields={k: v for k, v in row.fields.items() if k != "id"})
        found = shown(made, row)
        assert set(found) <= known
        moved = evolve(row, file=Path("dev.tsv"), line=99)
        silent = evolve(row, fields={**row.fields, "text": "something else"})
        assert found == shown(made, moved) == shown(made, silent)


def test_other_rows_are_not_all_shown_the_same():
    rows = manifest(*(f"text{n}" for n in range(50)))
    made = prompt("{examples}", lines(2), train=rows)
    others = manifest(*["gleich"] * 50, file="test.tsv").rows
    assert len({tuple(shown(made, row)) for row in others}) > 20
    nameless = [evolve(row, fields={**row.fields, "id": ""}) for row in others]
    assert len({tuple(shown(made, row)) for row in nameless}) > 20
    assert all(len(set(shown(made, row))) == 2 for row in [*others, *nameless, None])


def test_the_row_of_the_same_name_and_line_that_says_something_else_is_another():
    made = prompt("{examples}", train=manifest("eins", "zwei", "drei"))
    other = manifest("eins", "anderes").rows[1]
    assert made.around(other) == made.around(evolve(other, file=Path("test.tsv")))


# -- a pipeline that is opened again -------------------------------------------------------------


def test_an_opened_prompt_needs_no_training_rows(tmp_path):
    train, test = manifest("eins", "zwei", "zwei", "süß"), manifest("x", "y", file="test.tsv")
    made = prompt(examples=lines(2), train=train)
    made.save_assets(tmp_path)
    opened = prompt(examples=lines(2), train=None, assets=tmp_path)
    for row in [*train, *test, None]:
        assert opened.around(row) == made.around(row)
    written = (tmp_path / "examples.json").read_text("utf-8")
    assert "süß" in written
    assert str(Path.cwd()) not in written
    json.loads(written)


def test_a_prompt_without_examples_leaves_no_file(tmp_path):
    prompt("am tag", None, train=None).save_assets(tmp_path)
    assert not list(tmp_path.iterdir())


# -- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "examples", "said"),
    [
        ("{sings}", None, '"{sings}" means nothing in a prompt; did you mean "signs"?'),
        ("{text}", None, '"{text}" means nothing in a prompt'),
        ("{signs} und {signs}", None, "{signs} stands there twice"),
        ("{examples} {examples}", PAIR, "{examples} stands there twice"),
        ("{examples}", None, "say what one looks like"),
        ("{signs}", PAIR, "examples: has no effect"),
        ("{", None, "{{ }} are braces as text"),
        ("a } b", None, "{{ }} are braces as text"),
        ("{}", None, "a name is expected in braces"),
        ("{signs:3}", None, "a name is expected in braces"),
        ("{signs!r}", None, "a name is expected in braces"),
    ],
)
def test_a_bad_template_is_refused(template, examples, said):
    with pytest.raises(UserError) as error:
        prompt(template, examples)
    assert str(error.value).startswith("decoder.prompt: ")
    assert said in str(error.value)


@pytest.mark.parametrize("template", ["text_en", "{{text_en}}", "", "{text", "{}"])
def test_an_example_names_columns(template):
    with pytest.raises(ValueError, match=r"names no column|braces"):
        ExamplesConfig(template)


@pytest.mark.parametrize("count", [0, -1, 1.0])
def test_the_count_is_a_count(count):
    with pytest.raises((ValueError, TypeError)):
        ExamplesConfig("{text}", count)


def test_missing_columns_and_empty_fields_are_named():
    with pytest.raises(UserError, match=r'examples: train.tsv: no column "text_fr".*text_en'):
        prompt(examples=ExamplesConfig("{text_fr}={text}"))
    with pytest.raises(UserError, match="train.tsv:3: text is empty") as error:
        prompt(train=manifest("eins", "", "drei"))
    assert "train.tsv:2" not in str(error.value)
    with pytest.raises(UserError, match="and 4 more"):
        prompt(train=manifest("eins", *[""] * 9))


def test_training_rows_are_needed():
    with pytest.raises(UserError, match=r"decoder\.prompt: examples: .*give \[data\] train"):
        prompt(train=None)
    with pytest.raises(UserError, match='3 of the 3 rows of train.tsv say "eins"'):
        prompt(train=manifest("eins", "eins", "eins"))


def test_prompts_need_no_torch():
    code = "import sys, slp_llm.decoders.prompts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
