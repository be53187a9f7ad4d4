"""What the splits of a corpus share: sentences, signers, source videos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_train.metrics.text import words

#: What is compared, and the column that holds it.
COLUMNS = {"sentences": "text", "signers": "signer", "videos": "video"}


@frozen
class Overlap:
    """How much of ``split`` stands in ``earlier`` too.

    Rows without a value are left out of all counts: ``rows`` is 0 where the column is missing.
    """

    what: str  #: "sentences", "signers" or "videos"
    earlier: str  #: "train"
    split: str  #: "test"
    shared: int  #: distinct values in both
    distinct: int  #: distinct values in ``split``
    shared_rows: int  #: rows of ``split`` whose value is in both
    rows: int  #: rows of ``split`` that have a value

    @property
    def percent(self) -> float | None:
        """Share of the rows of ``split`` that are also in ``earlier``; None without any row."""
        return 100 * self.shared_rows / self.rows if self.rows else None


def overlap(
    splits: Mapping[str, Sequence[Mapping[str, str]]],
    columns: Mapping[str, str] = COLUMNS,
) -> list[Overlap]:
    """Compare every two splits, in their order, by each of ``columns``.

    ``splits`` are rows by the split's name: ``{"train": [{"text": "...", ...}], "test": ...}``.
    """
    found = []
    for what, column in columns.items():
        values = {name: _values(rows, column, what) for name, rows in splits.items()}
        for earlier, split in combinations(splits, 2):
            known, here = set(values[earlier]), values[split]
            found.append(
                Overlap(
                    what,
                    earlier,
                    split,
                    shared=len(known & set(here)),
                    distinct=len(set(here)),
                    shared_rows=sum(value in known for value in here),
                    rows=len(here),
                )
            )
    return found


def seen_mask(train: Iterable[str], test: Iterable[str]) -> NDArray[np.bool_]:
    """Which test sentences also stand in training (``n``), whatever their case and punctuation."""
    known = {sentence_key(text) for text in train}
    return np.array([sentence_key(text) in known for text in test], dtype=bool)


def sentence_key(text: str) -> str:
    """A sentence without case, punctuation and spacing; as it stands if nothing is left."""
    return " ".join(words(text, lowercase=True)) or text.strip()


def _values(rows: Iterable[Mapping[str, str]], column: str, what: str) -> list[str]:
    present = [row[column].strip() for row in rows if row.get(column, "").strip()]
    return [sentence_key(value) for value in present] if what == "sentences" else present
