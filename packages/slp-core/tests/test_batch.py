"""Token ids of a batch: each row's first, zeros behind, and a mask that tells which are which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from slp_core.batch import Sample, collate
from slp_core.manifest import Row
from slp_core.signals import Signal


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=5))
def test_ids_are_padded_to_the_longest(rows):
    step, row = Signal(np.zeros((1, 1), np.float32), 25.0), Row({}, Path("a.tsv"), 2)
    tokens = collate([Sample(row, {"s": step}, {"labels": ids}) for ids in rows]).tokens["labels"]
    assert tokens.ids.shape == tokens.mask.shape == (len(rows), max(map(len, rows)))
    assert tokens.ids.dtype is torch.long and tokens.mask.dtype is torch.bool
    for ids, padded, mask in zip(rows, tokens.ids, tokens.mask, strict=True):
        assert padded[: len(ids)].tolist() == ids and mask[: len(ids)].all()
        assert not padded[len(ids) :].any() and not mask[len(ids) :].any()
