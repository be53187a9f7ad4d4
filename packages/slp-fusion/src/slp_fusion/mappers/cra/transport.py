"""From characters to words by optimal transport with entropic regularisation.

What is minimised over plans P (``c w``) is

    <P, D> - reg H(P) + relaxation KL(P^T 1 | words),   P 1 = characters exactly,

where an entry that the sparse cost D does not hold is forbidden. With D_ij = -log P(i|j) and
reg = 1, H(P) - <P, D> is the entropy -sum_ij P_ij log P(j) of the words, as far as characters are
spread in words as D says (arXiv:2404.00925, 3.3; Xu et al., arXiv:2012.15671). The divergence
stands for the paper's bound on how far a word may be from its frequency.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from slp_core.errors import UserError

Vector = NDArray[np.float64]
Solver = Callable[[csr_array, Vector, Vector, float, float], csr_array]

TOLERANCE = 1e-8  #: of the last change
ITERATIONS = 30_000  #: at most; relaxation 1000 takes about 18,000


def word_cost(occurrences: csr_array) -> csr_array:
    """D = -log P(i|j), with P(i|j) the share of word j's characters that are i: log(len(j)) where
    none comes twice, as the paper has it."""
    cost = occurrences.copy()
    cost.data = np.log(occurrences.sum(0)[occurrences.indices] / occurrences.data)
    return cost


def pot(
    cost: csr_array, characters: Vector, words: Vector, reg: float, relaxation: float
) -> csr_array:
    """The plan by POT, on the dense matrix.

    Raises:
        UserError: its numbers leave what a float64 holds.
    """
    from ot.unbalanced import sinkhorn_unbalanced

    rows, columns = entries(cost)
    dense = np.full(cost.shape, cost.data.max() + 200 * reg)  # forbidden: exp(-200) of the rest
    dense[rows, columns] = cost.data
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = sinkhorn_unbalanced(
            characters, words, dense, reg, (np.inf, relaxation),
            reg_type="entropy", numItermax=ITERATIONS, stopThr=TOLERANCE,
        )  # fmt: skip
    if any("Numerical errors" in str(one.message) for one in caught):
        raise UserError(
            f"POT's dense solver fails at regularisation {reg:g}: raise it, or write "
            'solver = "sparse"'
        )
    return exact_rows(with_data(cost, found[rows, columns]), characters)


def sparse(
    cost: csr_array, characters: Vector, words: Vector, reg: float, relaxation: float
) -> csr_array:
    """The same plan by the same steps (Chizat et al., arXiv:1607.05816) on the sparse kernel.

    Each word's kernel is scaled to a greatest entry of 1, and the scale, which the exponent of
    the relaxed update all but takes away, is put back there: nothing overflows at reg = 0.01.
    """
    by_word = cost.tocsc()
    least = np.minimum.reduceat(by_word.data, by_word.indptr[:-1])  # (w)
    kernel = with_data(cost, np.exp((least[cost.indices] - cost.data) / reg))
    transposed = kernel.T.tocsr()
    power = 1.0 if np.isinf(relaxation) else relaxation / (relaxation + reg)
    scale = np.exp(-least / (relaxation + reg))
    u = np.ones_like(characters)
    for _ in range(ITERATIONS):
        v = scale * (words / (transposed @ u)) ** power
        before, u = u, characters / (kernel @ v)
        if np.abs(np.log(u / before)).max() < TOLERANCE:
            break
    rows, columns = entries(cost)
    return exact_rows(with_data(kernel, u[rows] * kernel.data * v[columns]), characters)


SOLVERS: dict[str, Solver] = {"pot": pot, "sparse": sparse}


def exact_rows(plan: csr_array, characters: Vector) -> csr_array:
    """End with an update of the rows, so that the characters' marginal is met to the last digit."""
    rows, _ = entries(plan)
    return with_data(plan, plan.data * (characters / plan.sum(1))[rows])


def entropy(plan: csr_array, cost: csr_array) -> float:
    """H(P) - <P, D>, in nats."""
    mass = plan.data[plan.data > 0]
    return float(-(mass @ np.log(mass)) - plan.data @ cost.data)


def entries(matrix: csr_array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of each entry that is held."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices


def with_data(matrix: csr_array, data: Vector) -> csr_array:
    """The same entries with other values."""
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
