"""Every sample once an epoch, no batch over the budget, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from accelerate import skip_first_batches
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from slp_core.errors import UserError
from slp_train.batching import BudgetBatches

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=300)
PHOENIX = Path(__file__).parents[5] / "shared/data/phoenix14t_text/phoenix14t_train.tsv"


def batches_of(lengths: list[int], epoch: int = 0, **options: int) -> list[list[int]]:
    batches = BudgetBatches(lengths, **options)
    batches.set_epoch(epoch)
    assert len(list(batches)) == len(batches)
    return list(batches)


@given(LENGTHS, st.integers(1, 200), st.integers(0, 5), st.integers(1, 100))
def test_an_epoch_has_every_sample_once(
    lengths: list[int], steps: int, epoch: int, pool: int
) -> None:
    batches = batches_of(lengths, epoch, steps=steps, pool=pool)
    assert sorted(chain(*batches)) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 200))
def test_only_a_sample_that_is_too_long_by_itself_exceeds_the_budget(
    lengths: list[int], steps: int
) -> None:
    batches = BudgetBatches(lengths, steps=steps)
    over = [b for b in batches if max(lengths[i] for i in b) * len(b) > steps]
    assert all(len(batch) == 1 for batch in over)
    assert len(over) == batches.oversized == sum(length > steps for length in lengths)


@given(LENGTHS, st.integers(1, 9))
def test_a_batch_has_at_most_so_many_samples(lengths: list[int], samples: int) -> None:
    assert max(map(len, batches_of(lengths, samples=samples))) <= samples


@given(LENGTHS, st.integers(1, 200))
def test_all_epochs_have_the_same_number_of_batches(lengths: list[int], steps: int) -> None:
    assert len({len(batches_of(lengths, epoch, steps=steps)) for epoch in range(4)}) == 1


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    first = batches_of(lengths, 3, steps=200, seed=1)
    assert batches_of(lengths, 3, steps=200, seed=1) == first
    assert batches_of(lengths, 4, steps=200, seed=1) != first
    assert batches_of(lengths, 3, steps=200, seed=2) != first
    # who meets whom changes too, not only the order
    other = batches_of(lengths, 4, steps=200, seed=1)
    assert {frozenset(b) for b in first} != {frozenset(b) for b in other}


@settings(max_examples=30)
@given(LENGTHS, st.integers(20, 200), st.integers(0, 20))
def test_resuming_gives_the_rest_of_the_epoch(lengths: list[int], steps: int, skipped: int) -> None:
    batches = BudgetBatches(lengths, steps=steps, seed=5)
    batches.set_epoch(2)
    loader = DataLoader(range(len(lengths)), batch_sampler=batches, collate_fn=list)
    skipped = min(skipped, len(batches))
    assert list(skip_first_batches(loader, skipped)) == list(loader)[skipped:]


@given(LENGTHS, st.integers(1, 200), st.integers(1, 5))
def test_processes_share_the_batches_evenly(lengths: list[int], steps: int, world: int) -> None:
    shares = [batches_of(lengths, 1, steps=steps, rank=r, world=world) for r in range(world)]
    assert len({len(share) for share in shares}) == 1
    seen = Counter(chain(*chain(*shares)))
    assert set(seen) == set(range(len(lengths)))
    # what is repeated to make shares equal are single samples, fewer than there are processes
    assert sum(seen.values()) - len(seen) < world


def test_processes_together_train_on_what_one_would() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    alone = batches_of(lengths, steps=200)
    shares = [batches_of(lengths, steps=200, rank=rank, world=2) for rank in range(2)]
    assert list(chain(*zip(*shares, strict=True))) == alone


def test_clips_of_one_length_meet_whoever_they_may() -> None:
    """A manifest sorted by sign, clips of one length: no batch is all of one sign."""
    batches = list(BudgetBatches([1] * 300, samples=10))
    assert min(len({index // 30 for index in batch}) for batch in batches) > 2


def test_no_samples_are_refused() -> None:
    with pytest.raises(UserError, match="no samples"):
        BudgetBatches([], steps=10)


@pytest.mark.skipif(not PHOENIX.is_file(), reason=f"{PHOENIX} is not there")
def test_phoenix_is_hardly_padded_and_evenly_cut() -> None:
    rows = PHOENIX.read_text(encoding="utf-8").splitlines()[1:]
    lengths = np.array([int(row.split("\t")[2]) for row in rows])
    batches = BudgetBatches(lengths, steps=4096)
    sizes = np.array([lengths[batch].max() * len(batch) for batch in batches])
    assert batches.padding() < 0.015
    assert sizes.max() / sizes.mean() < 1.05
    order = np.random.default_rng(0).permutation(len(lengths))
    padded = sum(lengths[o].max() * len(o) for o in np.array_split(order, len(batches)))
    assert 1 - lengths.sum() / padded > 0.4  # what it is compared with: random batches
