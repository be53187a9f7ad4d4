"""What a metric is: per-sentence statistics whose sum gives the score of a corpus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_core.errors import UserError
from slp_train.metrics.text import is_blank

Array = NDArray[np.float64]


@frozen
class Score:
    """A score of a corpus, in percent, and the signature that lets others repeat it.

    ``interval`` and ``mean`` are of the bootstrap: the percentile interval, and the mean over
    the resamples, which some shared tasks publish in place of the score.
    """

    name: str
    value: float
    signature: str
    interval: tuple[float, float] | None = None
    mean: float | None = None


class Metric(ABC):
    """A score of hypotheses against one reference each.

    A sentence's statistics hold all that the corpus score needs of it, and they add up. One
    bootstrap and one paired test therefore serve every metric, at the price of one pass.
    """

    name: str  #: "BLEU-4"
    higher_is_better: bool = True
    signature: str  #: "nrefs:1|case:mixed|tok:13a|..."

    def __init__(self, config: Any, context: object = None) -> None:
        self.config = config

    @abstractmethod
    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        """Statistics of each sentence, ``n k``."""

    @abstractmethod
    def from_statistics(self, summed: Array) -> float:
        """The score in percent of the sentences whose statistics were summed, ``k``."""

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        """Score a corpus.

        Raises:
            UserError: as :func:`check_texts` says, or the metric cannot see these texts.
        """
        check_texts(hypotheses, references)
        summed = self.statistics(hypotheses, references).sum(axis=0)
        return Score(self.name, self.from_statistics(summed), self.signature)


def check_texts(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Refuse what cannot be scored. An empty hypothesis is a hypothesis.

    Raises:
        UserError: the lists differ in length or are empty, an item is no text, or a reference
            is empty; rows are counted from 1.
    """
    for what, texts in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(texts, str):
            raise UserError(f"{what}: one string was given; expected a list of strings")
        for row, text in enumerate(texts, start=1):
            if not isinstance(text, str):
                raise UserError(f"{what}, row {row}: {text!r} is not text")
    if len(hypotheses) != len(references):
        raise UserError(
            f"{len(hypotheses)} hypotheses and {len(references)} references were given; "
            f"row {min(len(hypotheses), len(references)) + 1} has no counterpart"
        )
    if not references:
        raise UserError("no hypotheses and no references were given; there is nothing to score")
    blank = [row for row, text in enumerate(references, start=1) if is_blank(text)]
    if blank:
        rows = ", ".join(map(str, blank[:10])) + (", ..." if len(blank) > 10 else "")
        raise UserError(
            f"references, row {rows}: empty ({len(blank)} of {len(references)}); "
            "give each a text or leave the row out of the evaluation"
        )
