"""Whether names that were spelled are in the translation."""

from __future__ import annotations

from collections.abc import Sequence

from slp_core.manifest import Row
from slp_train.evaluation.scores import Names, Prediction
from slp_train.metrics.text import words

LETTERS = "letters"  #: the column of what was spelled


def judge_names(rows: Sequence[Row], predictions: Sequence[Prediction]) -> Names | None:
    """How often the names of the column ``letters`` are said, and how often they are in the text
    that plugins offer instead (the translation where they offer none). Case does not matter."""
    spelled = [
        (row.get(LETTERS), one)
        for row, one in zip(rows, predictions, strict=True)
        if row.get(LETTERS).strip()
    ]
    if not spelled:
        return None
    said = [_has(one.hypothesis, names) for names, one in spelled]
    offered = [_has(one.offer or one.hypothesis, names) for names, one in spelled]
    return Names(len(spelled), *(100 * sum(found) / len(spelled) for found in (said, offered)))


def _has(text: str, names: str) -> bool:
    return set(words(names, lowercase=True)) <= set(words(text, lowercase=True))
