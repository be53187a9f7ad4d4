"""The report's section on alignment: what it counts, and what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from slp_core.errors import UserError
from slp_fusion.hooks import slp_report
from slp_fusion.report.alignment import Look

from .page import Page

SAMPLES: list[dict[str, Any]] = [
    {"id": "a", "text": "rain <now>", "nearest": ["rain", "rain", "&", "rain"], "pieces": ["rain"]},
    {"id": "b", "text": "sun"},
    {"id": "c", "text": "sun"},
]
BEFORE = [[0.1, 0.3, 0.3], [-0.4, 0.0, 0.0], [0.2, 0.1, 0.1]]
AFTER = [[0.9, 0.1, 0.1], [0.2, 0.5, 0.5], [0.0, 0.6, 0.6]]


def write(folder: Path, **tables: list[list[float]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for when, table in tables.items():
        told = {"on": "decoder", "similarities": table, "samples": SAMPLES[: len(table)]}
        (folder / f"alignment.{when}.json").write_text(json.dumps(told))


def shown(run: Path) -> Page:
    ((title, html),) = slp_report(run=run)
    assert title == "Alignment of signs and text"
    return Page(html)


def cells(page: Page) -> list[float]:
    """The opacity of every coloured square."""
    styles = [attrs.get("style", "") for tag, attrs in page.tags if tag == "rect"]
    return [float(found[1]) for one in styles if (found := re.search(r"opacity:([\d.]+)", one))]


def test_what_is_counted() -> None:
    before, after = (Look(when, table, SAMPLES) for when, table in [("", BEFORE), ("", AFTER)])
    assert before.own == pytest.approx(0.2 / 3) and after.own == pytest.approx(2 / 3)
    # pairs of one sentence are neither own nor others
    assert before.others == pytest.approx((0.3 + 0.3 - 0.4 + 0.2) / 4)
    # rows: 0.3 is b's, 0.0 is b's own, 0.2 is a's; columns: 0.2 is c's, 0.3 is a's twice
    assert (before.sentences_found, before.clips_found) == (1, 0)
    # the clips of one sentence may stand for each other
    assert (after.sentences_found, after.clips_found) == (3, 3)
    alone = Look("", [[0.5]], SAMPLES[:1])
    assert (alone.own, alone.others, alone.sentences_found) == (0.5, None, 1)


def test_a_run_that_aligned_nothing_has_no_section(tmp_path: Path) -> None:
    (tmp_path / "translate").mkdir()
    assert slp_report(run=tmp_path) == []


def test_the_section_shows_both_sides_in_one_scale(tmp_path: Path) -> None:
    write(tmp_path / "vt-align", before=BEFORE, after=AFTER)
    page = shown(tmp_path)
    values = [one for table in (BEFORE, AFTER) for row in table for one in row]
    assert cells(page) == pytest.approx([max(one, 0) / 0.9 for one in values], abs=6e-4)
    assert "From 0.00 and less, without colour, to 0.90, in full colour" in page.text
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg"]
    assert "0.07 on average" in labels[0] and "0.67 on average" in labels[1]
    assert "1 of 3" in page.text and "3 of 3" in page.text


def test_colour_begins_where_all_are_alike(tmp_path: Path) -> None:
    """Embeddings of one language model may all have much in common."""
    write(tmp_path / "vt-align", after=[[0.9, 0.7], [0.8, 0.9]])
    page = shown(tmp_path)
    assert cells(page) == pytest.approx([1, 0, 0.5, 1], abs=6e-4)
    assert "From 0.70, without colour, to 0.90" in page.text


def test_squares_are_where_they_belong(tmp_path: Path) -> None:
    write(tmp_path / "vt-align", before=BEFORE)
    squares = [attrs for tag, attrs in shown(tmp_path).tags if tag == "rect"]
    places = [(int(one["x"]), int(one["y"])) for one in squares]
    assert places == [(x, y) for y in range(3) for x in range(3)] + [(n, n) for n in range(3)]


def test_signs_are_told_as_words(tmp_path: Path) -> None:
    write(tmp_path / "vt-align", after=AFTER)
    ((_, html),) = slp_report(run=tmp_path)
    assert "<b>rain</b><small>×2</small> &amp; <b>rain</b>" in html
    assert "<dd>rain &lt;now&gt;</dd>" in html
    assert html.count("<li>") == 1  # of the one sample that has words


@pytest.mark.parametrize("table", [[[0.5]], [[0.5, 0.5], [0.5, 0.5]], [[-0.5]]])
def test_one_sample_and_equal_ones_can_be_drawn(tmp_path: Path, table: list) -> None:
    write(tmp_path / "vt-align", before=table, after=table)
    assert set(cells(shown(tmp_path))) == {0.0}


def test_stages_come_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    stage = '[[stages]]\nname = "{}"\ntrain = ["mapper"]\nobjectives = ["x"]\nepochs = 1\n'
    recipe = (
        '[recipe]\nname = "r"\n[data]\n[streams.s]\nsignal = "s"\nencoder = "e"\n[decoder]\n'
        'use = "d"\n'
    )
    names = ["warm-up", "align"]
    (tmp_path / "recipe.toml").write_text(recipe + "".join(map(stage.format, names)))
    for name in names:
        write(tmp_path / name, after=AFTER)
    text = shown(tmp_path).text
    assert 0 < text.index("warm-up") < text.index("align\n")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "vt-align", before=BEFORE)
    (tmp_path / "vt-align/alignment.after.json").write_text("[")
    with pytest.raises(UserError, match=r"alignment\.after\.json: is damaged"):
        slp_report(run=tmp_path)
