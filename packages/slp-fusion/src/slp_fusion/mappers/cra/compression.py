"""Runs of one code as one character, and a mark behind those that are slow."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def run_lengths(codes: Codes) -> tuple[Codes, Codes]:
    """``t`` codes to the code and the length of every run: ``r`` and ``r``."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return codes[starts], np.diff(starts, append=len(codes))


def compress(codes: Codes, alpha: float, slow: int) -> Codes:
    """``t`` codes to ``c`` characters: one a run, and ``slow`` behind a run longer than ``alpha``
    (arXiv:2404.00925, 3.3)."""
    characters, lengths = run_lengths(codes)
    return np.insert(characters, np.flatnonzero(lengths > alpha) + 1, slow)


def mean_run_length(sequences: Iterable[Codes]) -> float:
    """alpha: one number for the whole training set, so that fast signing differs from slow.

    The paper does not say whether it is of a code, a clip or all."""
    lengths = [run_lengths(codes)[1] for codes in sequences]
    return float(np.concatenate(lengths).mean())
