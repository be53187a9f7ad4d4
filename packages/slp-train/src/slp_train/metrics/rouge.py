"""ROUGE-L (Lin 2004, W04-1013, section 3.1): the longest common subsequence, in three variants.

They give different numbers for the same text, and papers rarely say which one was used.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from slp_core.errors import UserError
from slp_train.metrics.base import Array, Metric
from slp_train.metrics.spec import RougeCocoConfig, RougeConfig, RougeGoogleConfig
from slp_train.metrics.text import whitespace_words, words


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    best = [0] * (len(b) + 1)
    for token in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            above = best[j]
            best[j] = diagonal + 1 if token == other else max(above, best[j - 1])
            diagonal = above
    return best[-1]


def rouge_l(hypothesis: Sequence[str], reference: Sequence[str], beta: float) -> float:
    """``(1 + beta²) P R / (R + beta² P)`` of token lists, in [0, 1]; 0 where either is empty."""
    common = lcs_length(hypothesis, reference)
    if common == 0:
        return 0.0
    precision, recall = common / len(hypothesis), common / len(reference)
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


class SentenceMean(Metric):
    """The mean of a score of single sentences, in percent."""

    @abstractmethod
    def sentence(self, hypothesis: str, reference: str) -> float:
        """The score of one sentence, in [0, 1]."""

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        pairs = zip(hypotheses, references, strict=True)
        return np.array([[self.sentence(h, r), 1.0] for h, r in pairs])

    def from_statistics(self, summed: Array) -> float:
        return float(100 * summed[0] / summed[1])


class RougeL(SentenceMean):
    """Mean F1 over words of any script: umlauts stay inside words, Chinese is split into
    characters, punctuation does not count. On ASCII text it equals ``rouge-l-google``."""

    name = "ROUGE-L"

    def __init__(self, config: RougeConfig = RougeConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        super().__init__(config)
        self.signature = f"nrefs:1|{_case(config.lowercase)}|tok:unicode-words|beta:1"

    def sentence(self, hypothesis: str, reference: str) -> float:
        lowercase = self.config.lowercase
        return rouge_l(words(hypothesis, lowercase), words(reference, lowercase), beta=1.0)


class RougeLCoco(SentenceMean):
    """Mean F with beta 1.2 over words between spaces, as the COCO caption evaluation has it.

    Papers on PHOENIX-2014T that build on Camgöz et al. (2018, 2020) report this one.
    """

    name = "ROUGE-L (coco)"

    def __init__(self, config: RougeCocoConfig = RougeCocoConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        super().__init__(config)
        self.signature = f"nrefs:1|{_case(config.lowercase)}|tok:whitespace|beta:1.2"

    def sentence(self, hypothesis: str, reference: str) -> float:
        cased = self.config.lowercase
        return rouge_l(
            whitespace_words(hypothesis, cased), whitespace_words(reference, cased), beta=1.2
        )


class RougeLGoogle(SentenceMean):
    """Mean F1 of the ``rouge_score`` package, for comparison with papers that used it.

    Its tokens are runs of ``a-z`` and ``0-9``: umlauts cut German words to pieces.

    Raises:
        UserError: nothing of a reference's words is left, as in Chinese.
    """

    name = "ROUGE-L (google)"

    def __init__(
        self,
        config: RougeGoogleConfig = RougeGoogleConfig(),  # noqa: B008 (frozen)
        context: object = None,
    ) -> None:
        from rouge_score.rouge_scorer import RougeScorer  # slow: imports nltk

        super().__init__(config)
        self._scorer = RougeScorer(["rougeL"], use_stemmer=config.stemmer)
        stem = "yes" if config.stemmer else "no"
        self.signature = (
            f"nrefs:1|case:lc|tok:ascii|stem:{stem}|version:rouge_score-{version('rouge_score')}"
        )

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        for row, reference in enumerate(references, start=1):
            if words(reference) and not self._scorer._tokenizer.tokenize(reference):
                raise UserError(
                    f'references, row {row}: "{reference}" has no letter a-z, and rouge-l-google '
                    'drops all others; use "rouge"'
                )
        return super().statistics(hypotheses, references)

    def sentence(self, hypothesis: str, reference: str) -> float:
        return float(self._scorer.score(reference, hypothesis)["rougeL"].fmeasure)


def _case(lowercase: bool) -> str:
    return "case:lc" if lowercase else "case:mixed"
