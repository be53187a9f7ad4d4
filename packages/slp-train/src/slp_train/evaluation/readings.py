"""How well the parts that read a column by CTC do so: experts, and the first half of a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slp_core.edits import edit_distance
from slp_core.manifest import Row
from slp_train.evaluation.scores import Reading

if TYPE_CHECKING:
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline


def judge_readings(
    pipeline: Pipeline, rows: Sequence[Row], said: Sequence[Translation]
) -> list[Reading]:
    """Each column that was read, where the manifest has it and something is written there.

    Of two parts that read one column, the decoder's reading is in the translations."""
    from slp_core.ctc import Transcriber

    units = {one.column: one.units for one in pipeline.modules() if isinstance(one, Transcriber)}
    found = []
    for column in sorted(units):
        pairs = [
            (units[column].encode(one.transcripts[column]), units[column].encode(row.get(column)))
            for row, one in zip(rows, said, strict=True)
            if column in one.transcripts and column in row.fields
        ]
        if total := sum(len(theirs) for _, theirs in pairs):
            edits = sum(edit_distance(ours, theirs) for ours, theirs in pairs)
            found.append(Reading(column, units[column].kind, total, 100 * (1 - edits / total)))
    return found
