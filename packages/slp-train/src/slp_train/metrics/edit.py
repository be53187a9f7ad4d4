"""Error rates by edit distance (Levenshtein 1966): of words, of tokens, of letters.

All are of the corpus: the edits of all sentences over the length of all references. The
distance is the smallest number of insertions, deletions and substitutions; alignments that
weigh these differently (NIST's sclite: 3, 3 and 4) can count more errors.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from slp_core.edits import edit_distance
from slp_train.metrics.base import Array, Metric
from slp_train.metrics.spec import EditConfig
from slp_train.metrics.text import letters, tokens, whitespace_words


class EditRate(Metric):
    """Edits over reference length, in percent; above 100 where hypotheses run long."""

    higher_is_better = False
    unit: str  #: what is counted, for the signature

    def __init__(self, config: EditConfig = EditConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        super().__init__(config)
        case = "lc" if config.lowercase else "mixed"
        self.signature = f"nrefs:1|case:{case}|tok:{self.unit}"

    @abstractmethod
    def split(self, text: str, lowercase: bool) -> list[str]:
        """The units of a text."""

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        rows = []
        for hypothesis, reference in zip(hypotheses, references, strict=True):
            expected = self.split(reference, self.config.lowercase)
            found = self.split(hypothesis, self.config.lowercase)
            rows.append([edit_distance(found, expected), len(expected)])
        return np.array(rows, dtype=np.float64)

    def from_statistics(self, summed: Array) -> float:
        edits, length = summed
        return float(100 * edits / length)


class WordErrorRate(EditRate):
    """Words are what stands between spaces, as in glosses."""

    name = "WER"
    unit = "whitespace"

    def split(self, text: str, lowercase: bool) -> list[str]:
        return whitespace_words(text, lowercase)


class TokenErrorRate(EditRate):
    """Tokens are words of any script, Chinese and Japanese characters, punctuation marks."""

    name = "token error rate"
    unit = "unicode-tokens"

    def split(self, text: str, lowercase: bool) -> list[str]:
        return tokens(text, lowercase)


class LetterAccuracy(EditRate):
    """100 minus the letter error rate, spaces ignored; negative where edits outnumber letters."""

    name = "letter accuracy"
    higher_is_better = True
    unit = "letters"

    def split(self, text: str, lowercase: bool) -> list[str]:
        return letters(text, lowercase)

    def from_statistics(self, summed: Array) -> float:
        return 100 - super().from_statistics(summed)
