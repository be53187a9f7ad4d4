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
    """Each part that read a column, where something is written in the manifest's."""
    from slp_core.ctc import Transcriber

    found = []
    for path, part in pipeline.named_modules():
        if not isinstance(part, Transcriber):
            continue
        pairs = [
            (part.units.encode(one.transcripts[path]), part.units.encode(row.get(part.column)))
            for row, one in zip(rows, said, strict=True)
            if path in one.transcripts
        ]
        if total := sum(len(theirs) for _, theirs in pairs):
            edits = sum(edit_distance(ours, theirs) for ours, theirs in pairs)
            right = 100 * (1 - edits / total)
            found.append(Reading(path, part.column, part.units.kind, total, right))
    return found
