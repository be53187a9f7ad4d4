"""Blindness controls that need no model: what a score is worth that never saw the signing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from slp_core.errors import UserError

Vectors = NDArray[np.floating]


def most_frequent(texts: Sequence[str]) -> str:
    """The most frequent training sentence; of equally frequent ones, the first.

    Raises:
        UserError: there are none.
    """
    if not texts:
        raise UserError("no training sentences were given; the control needs at least one")
    return Counter(texts).most_common(1)[0][0]


def describe(signal: Vectors, segments: int = 8) -> NDArray[np.float64]:
    """A signal of any length ``t ...`` as a vector of ``segments * 2 * d``.

    The signal is cut into ``segments`` stretches of equal time, and each is told by the mean
    and the standard deviation of its channels. A signal of fewer frames repeats some.

    Raises:
        UserError: the signal has no frames, or values that are not finite.
    """
    if len(signal) == 0:
        raise UserError("the signal has no frames; it cannot be described")
    frames = np.asarray(signal, dtype=np.float64).reshape(len(signal), -1)  # (t, d)
    if not np.isfinite(frames).all():
        raise UserError("the signal has values that are not finite; it cannot be described")
    edges = np.arange(segments + 1) * len(frames) // segments
    stretches = [frames[start : max(stop, start + 1)] for start, stop in pairwise(edges)]
    means = [stretch.mean(axis=0) for stretch in stretches]
    deviations = [stretch.std(axis=0) for stretch in stretches]
    return np.concatenate(means + deviations)


def nearest(train: Vectors, test: Vectors) -> NDArray[np.int64]:
    """For each test vector (``m k``) the index of the training vector (``n k``) nearest to it.

    By Euclidean distance, as from :func:`describe`.

    Raises:
        UserError: the widths differ, or there are no training vectors.
    """
    if len(train) == 0:
        raise UserError("no training signals were given; the control needs at least one")
    if train.shape[1] != test.shape[1]:
        raise UserError(
            f"training signals have {train.shape[1]} numbers each and test signals "
            f"{test.shape[1]}; describe both in the same way"
        )
    center = train.mean(axis=0, dtype=np.float64)
    train, test = train - center, test - center
    norms = np.square(train).sum(axis=1)
    found = [
        (norms - 2 * block @ train.T).argmin(axis=1)  # (m n): the distance, but for |test|²
        for block in np.array_split(test, len(test) // 256 + 1)
    ]
    return np.concatenate(found)


def shuffled(n: int, seed: int) -> NDArray[np.int64]:
    """Indices that give each of ``n`` samples the signal of another.

    A random cycle through all samples: none keeps its own, unless there is only one.
    """
    order = np.random.default_rng(seed).permutation(n)
    indices = np.empty(n, dtype=np.int64)
    indices[order] = np.roll(order, 1)
    return indices
