"""Batches by a budget of padded steps, cut from samples sorted by length.

Random batches of clips are mostly padding; batches of a fixed count of similar clips vary in
size by the longest clip over the shortest. Here a batch is as many clips of similar length as
fit a budget, so that all batches cost about the same memory and time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import numpy as np

from slp_core.errors import UserError


class BudgetBatches:
    """Batches of sample indices: a batch sampler for ``torch.utils.data.DataLoader``.

    Samples are ranked by length and dealt, a block of neighbours at a time, to ``pools``: every
    pool gets one member of each block, so all pools have nearly the same lengths and are cut
    after the same blocks. Who of a block goes to which pool is drawn anew every epoch, and so are
    the rank among samples of one length and the order of the batches. Hence each epoch has every
    sample exactly once, the number of batches is the same in all epochs, and no batch exceeds the
    budget but a sample that is longer by itself.

    The batches of an epoch depend on (seed, epoch) alone. Process ``rank`` of ``world`` takes
    every ``world``-th one; all processes get the same number. Where batches are single samples
    up to ``world - 1`` are repeated for that, as in torch's ``DistributedSampler``.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        steps: int | None = None,
        samples: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        pool: int = 100,
    ) -> None:
        """``steps``: padded steps of a batch at most; ``samples``: samples of a batch at most;
        ``pool``: about how many batches a pool is cut into: more is less padding, fewer is more
        variety in who meets whom.

        Raises:
            UserError: there are no samples.
        """
        if not len(lengths):
            raise UserError("there are no samples to make batches of")
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.steps, self.samples = steps, samples
        self.seed, self.rank, self.world = seed, rank, world
        self.epoch = 0
        single = len(self._cut(np.sort(self.lengths)))  # batches if all were one pool
        pools = max(min(single // 4, 2), single // pool, 1)
        self.pools = -(-pools // world) * world
        longest = self._blocks(np.random.default_rng(seed))[:, -1]  # the same however ties fall
        self.starts = self._cut(self.lengths[longest])
        self.total = len(self._batches())

    @property
    def oversized(self) -> int:
        """How many samples are longer than the budget; each is a batch alone."""
        return 0 if self.steps is None else int((self.lengths > self.steps).sum())

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch gives this process."""
        return self.total // self.world

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches()[self.rank :: self.world])

    def padding(self) -> float:
        """The share of padded steps in an epoch."""
        padded = sum(self.lengths[b].max() * len(b) for b in self._batches())
        return 1 - float(self.lengths.sum() / padded)

    def _blocks(self, rng: np.random.Generator) -> np.ndarray:
        """``blocks pools``: sample indices by rank, samples of one length in any order. The
        first block may lack some (-1)."""
        drawn = rng.permutation(len(self.lengths))
        ranked = drawn[np.argsort(self.lengths[drawn], kind="stable")]
        lacking = np.full(-len(ranked) % self.pools, -1)
        return np.concatenate([lacking, ranked]).reshape(-1, self.pools)

    def _cut(self, lengths: np.ndarray) -> list[int]:
        """Where batches begin in ascending ``lengths``: as late as the budget allows."""
        steps = self.steps or int(lengths[-1]) * len(lengths)
        samples = self.samples or len(lengths)
        starts = [0]
        for place, length in enumerate(lengths.tolist()):
            size = place + 1 - starts[-1]
            if size > 1 and (size > samples or size * length > steps):
                starts.append(place)
        return starts

    def _batches(self) -> list[list[int]]:
        """All batches of the epoch, in order."""
        rng = np.random.default_rng((self.seed, self.epoch))
        dealt = rng.permuted(self._blocks(rng), axis=1)
        groups = np.split(dealt, self.starts[1:])  # (blocks of a batch, pools)
        batches = [[i for i in batch if i >= 0] for group in groups for batch in group.T.tolist()]
        batches = [batches[place] for place in rng.permutation(len(batches)) if batches[place]]
        missing = -len(batches) % self.world
        return batches + list(islice(cycle(sorted(batches, key=len)), missing))
