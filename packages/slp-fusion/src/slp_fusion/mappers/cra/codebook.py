"""How large the codebook of words is to be, and which words are in it."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from slp_fusion.mappers.cra.candidates import Candidates, occurrences
from slp_fusion.mappers.cra.transport import SOLVERS, entropy, word_cost


@frozen(eq=False)
class Codebook:
    """The optimal transport at one size. ``masses``: of each of the words (``w``), zeros for
    those that do not occur; ``shares``: their frequencies by characters."""

    size: int
    masses: NDArray[np.float64]
    shares: NDArray[np.float64]
    lengths: NDArray[np.int64]
    entropy: float  #: H(P) - <P, D>, nats a word
    character_error: float  #: the greatest deviation from the characters' frequencies
    word_error: float  #: and from the words'

    @property
    def entropy_per_character(self) -> float:
        """Over the mean length of a word drawn from the plan, as VOLT has it."""
        return self.entropy * float((self.masses / self.lengths).sum())

    def kept(self, share: float) -> NDArray[np.int64]:
        """Numbers of the words that keep more than ``share`` of their frequency; VOLT's rule.

        A word that occurs no more, because later merges took it up, has none to keep."""
        return np.flatnonzero(self.masses > share * self.shares)


def solve(
    candidates: Candidates, size: int, solver: str, regularisation: float, relaxation: float
) -> Codebook:
    """Transport the characters' mass to the first ``size`` candidates.

    A word's frequency is the share of the training characters that stand in it. Characters and
    words that do not occur have no mass to move and are left out of the problem."""
    counts = candidates.counts(size)
    words = candidates.words[:size]
    lengths = np.array([len(word) for word in words])
    used = np.flatnonzero(counts)
    held = occurrences([words[place] for place in used], candidates.single)
    held = held[held.sum(1) > 0]  # (c, w)
    characters = held @ counts[used] / (lengths @ counts)
    shares = lengths * counts / (lengths @ counts)
    cost = word_cost(held)
    plan = SOLVERS[solver](cost, characters, shares[used], regularisation, relaxation)
    masses = np.zeros(size)
    masses[used] = plan.sum(0)
    return Codebook(
        size, masses, shares, lengths, entropy(plan, cost),
        character_error=float(np.abs(plan.sum(1) - characters).max()),
        word_error=float(np.abs(masses - shares).max()),
    )  # fmt: skip


def sizes(candidates: Candidates, step: int) -> list[int]:
    """Multiples of ``step`` that hold every single character; all words where there is none."""
    first = -(-candidates.single // step) * step
    return list(range(first, len(candidates.words) + 1, step)) or [len(candidates.words)]


def greatest_utility(entropies: list[float]) -> int:
    """r* = argmax_r (H_r - H_{r+1}): the place of the size after which the entropy falls most, or
    grows least. The step that both papers divide by is the same everywhere.

    A word's entropy grows with nearly every merge, at first fast: SignLLM's formula, which is
    over words, ends where more of them tell little more. VOLT's, over characters, falls at first
    and ever slower; its greatest step is often the first, and then hardly a word is kept.
    """
    if len(entropies) == 1:
        return 0
    return int(np.argmax(-np.diff(entropies)))
