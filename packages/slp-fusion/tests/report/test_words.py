"""The report's section on the words that a stage fitted."""

import json
import math
from pathlib import Path

import pytest

from slp_core.errors import UserError
from slp_fusion.hooks import slp_report
from slp_fusion.report.words import perplexity, spelt

from .page import Page

FACTS = {
    "part": "cra", "alpha": 1.5, "run_lengths": {"1": 9, "3": 2, "40": 1}, "slow": 4,
    "codes": [5, 5, 0, 0], "clips": 2, "steps": 55, "characters": 15, "words": 7,
    "candidates": 60, "per_character": False, "entropies": [[32, 1.25], [64, 2.5], [96, 2.25]],
    "size": 64, "kept": 50, "dropped": 9, "character_error": 1e-17, "word_error": 0.002,
    "longest_words": [[[0, 4, 1], 3]], "most_used_words": [[[2], 12345]],
    "seconds": {"candidates": 0.1, "transport": 0.2, "segmentation": 0.3},
}  # fmt: skip


def written(run: Path, stage: str, told: dict) -> Path:
    (run / stage).mkdir(parents=True)
    (run / stage / "fit.json").write_text(json.dumps(told))
    return run


def test_a_run_without_words_has_no_section(tmp_path: Path) -> None:
    assert slp_report(run=tmp_path) == []
    assert slp_report(run=written(tmp_path, "other", {"mapper": {"part": "pca"}})) == []


def test_the_section_tells_the_words(tmp_path: Path) -> None:
    path = "streams.<sign>.mapper"
    ((title, html),) = slp_report(run=written(tmp_path, "words", {path: FACTS}))
    assert path in title
    page = Page(html)
    assert "0 s₀ 1" in page.text and "12,345" in page.text and "over 12" in page.text
    assert "2 of 4 codes are used, perplexity 2.0" in page.text
    (line,) = (attrs for tag, attrs in page.tags if tag == "polyline")
    points = [tuple(map(float, point.split(","))) for point in line["points"].split()]
    (mark,) = (attrs for tag, attrs in page.tags if tag == "circle")
    assert (float(mark["cx"]), float(mark["cy"])) == points[1]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1) and y1 < y2 < y0  # upwards is less
    assert (y0 - y2) / (y0 - y1) == pytest.approx((2.25 - 1.25) / (2.5 - 1.25))


def test_a_single_size_can_be_drawn(tmp_path: Path) -> None:
    facts = {**FACTS, "entropies": [[64, 2.5]]}
    assert len(slp_report(run=written(tmp_path, "words", {"mapper": facts}))) == 1


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words/fit.json").write_text("{")
    with pytest.raises(UserError, match=r"fit\.json: is damaged"):
        slp_report(run=tmp_path)


def test_perplexity_and_spelling() -> None:
    assert perplexity([1, 1, 1, 1]) == pytest.approx(4) and perplexity([3, 0]) == 1
    assert perplexity([3, 1]) == pytest.approx(math.exp(0.75 * math.log(4 / 3) + math.log(4) / 4))
    assert spelt([7, 4, 0], slow=4) == "7 s₀ 0"
