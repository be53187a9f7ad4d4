"""Which of the texts that a search found to say: that of the least risk."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from slp_core.parts import Translation

_LEAST = 1e-45  #: of a token's probability, as float32 has it
_ORDER, _BETA = 6, 2  #: of chrF (Popovic, WMT 2015): the longest n-grams, and what recall weighs


def by_risk(found: Sequence[Translation], power: float) -> list[Translation]:
    """Different texts, that of the least Bayes risk first (Kumar and Byrne, HLT-NAACL 2004; over
    the beams of a search Freitag et al., arXiv:2111.09388).

    The risk of a text is 100 - chrF of it against every text that was found, itself included, in
    the mean with weights P(text)^``power``: 0 lets all count alike, 1 as the model has it.
    """
    logs = [sum(log(max(worth, _LEAST)) for _, worth in one.tokens) for one in found]
    weights = np.array([exp(power * (one - max(logs))) for one in logs])
    gains = chrf_between([one.text for one in found]) @ weights  # (n)
    return [found[place] for place in np.argsort(-gains, kind="stable")]


def chrf_between(texts: Sequence[str]) -> NDArray[np.float64]:
    """``n n``: sacreBLEU's sentence chrF of every text (row) against every one as its reference,
    every text's n-grams counted once."""
    from sacrebleu.metrics.helpers import extract_char_ngrams

    # summed over the orders that both texts are long enough for, of which there are `orders`
    precision, recall, orders = np.zeros((3, len(texts), len(texts)))
    for order in range(1, _ORDER + 1):
        grams = [extract_char_ngrams(text, order) for text in texts]
        places = {gram: place for place, gram in enumerate(set().union(*grams))}
        counts = np.zeros((len(texts), len(places)))
        for row, counted in zip(counts, grams, strict=True):
            row[[places[gram] for gram in counted]] = list(counted.values())
        shared = np.minimum(counts[:, None], counts).sum(2)  # (n n)
        totals = counts.sum(1)
        precision += shared / np.maximum(totals, 1)[:, None]
        recall += shared / np.maximum(totals, 1)
        orders += (totals[:, None] > 0) & (totals > 0)
    precision, recall = np.stack([precision, recall]) / np.maximum(orders, 1)
    weighed = _BETA**2 * precision + recall
    return 100 * (1 + _BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)
