"""Which of the texts that a search found to say: that of the least risk."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from slp_core.parts import Translation

_LEAST = 1e-45  #: of a token's probability, as float32 has it


def by_risk(found: Sequence[Translation], power: float) -> list[Translation]:
    """Different texts, that of the least Bayes risk first (Kumar and Byrne, HLT-NAACL 2004; over
    the beams of a search Freitag et al., arXiv:2111.09388).

    The risk of a text is 100 - chrF of it against every text that was found, itself included, in
    the mean with weights P(text)^``power``: 0 lets all count alike, 1 as the model has it.
    """
    from sacrebleu import CHRF

    chrf = CHRF()
    logs = [sum(log(max(worth, _LEAST)) for _, worth in one.tokens) for one in found]
    weights = [exp(power * (one - max(logs))) for one in logs]

    def gain(said: Translation) -> float:
        near = [chrf.sentence_score(said.text, [one.text]).score for one in found]
        return sum(weight * score for weight, score in zip(weights, near, strict=True))

    return sorted(found, key=gain, reverse=True)
