"""What parts read by CTC, held against the manifest."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from slp_core.ctc import Transcriber, Units
from slp_core.manifest import Row
from slp_core.parts import Translation
from slp_train.evaluation.readings import judge_readings


class Reader(Transcriber):
    """Reads nothing itself: what was read is in the translations."""

    def __init__(self, column: str, kind: Any) -> None:
        super().__init__(SimpleNamespace())
        self.column, self.units = column, Units.learn(["RAIN SUN", "ANNA"], kind)

    def logits(self, steps: Any) -> Any:
        raise AssertionError("nobody reads here")


def row(line: int, **fields: str) -> Row:
    return Row(fields, Path("test.tsv"), line)


def test_only_what_was_read_and_is_written_counts() -> None:
    pipeline: Any = nn.Module()
    pipeline.signs, pipeline.names = Reader("gloss", "word"), Reader("letters", "char")
    pipeline.unheard = Reader("gloss", "word")  # of a stream that is absent when translating
    pipeline.unwritten = Reader("phonemes", "word")
    rows = [row(2, gloss="RAIN SUN", letters=""), row(3, gloss="SUN", letters="ANNA")]
    read = [
        {"signs": "RAIN RAIN", "names": "", "unwritten": "RAIN"},
        {"signs": "SUN", "names": "ANA", "unwritten": "SUN"},
    ]
    said = [Translation("", 1.0, transcripts=one) for one in read]
    signs, names = judge_readings(pipeline, rows, said)
    assert (signs.part, signs.column, signs.kind, signs.units) == ("signs", "gloss", "word", 3)
    assert signs.accuracy == pytest.approx(100 * 2 / 3)  # one edit
    assert (names.part, names.units, names.accuracy) == ("names", 4, 75.0)


def test_nothing_is_told_where_nothing_is_written() -> None:
    pipeline: Any = nn.Module()
    pipeline.names = Reader("letters", "char")
    said = [Translation("", 1.0, transcripts={"names": "ANNA"})]
    assert judge_readings(pipeline, [row(2, letters="")], said) == []
