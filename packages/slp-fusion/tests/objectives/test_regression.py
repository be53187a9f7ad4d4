"""The regression of one part's steps to another's, against sums written out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from slp_core.batch import Batch
from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.pipeline import Trace
from slp_core.sequence import Sequence
from slp_fusion import Regression, RegressionConfig

ANY: Any = SimpleNamespace()


def measured(ours: Sequence, theirs: Sequence, **options: Any) -> Tensor:
    objective = Regression(RegressionConfig(to="streams.teacher.encoder", **options))
    objective.on = "streams.learner.mapper"
    trace = Trace({objective.config.to: theirs, objective.on: ours}, ours)
    rows = tuple(Row({}, Path("rows.tsv"), 2 + number) for number in range(len(ours.rate)))
    batch = Batch(rows, {})
    assert objective.count(batch) == len(rows)
    return objective(ANY, trace, batch)


def clips(*steps: int, width: int = 3, rate: float = 25.0, seed: int = 0) -> list[Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(length, width, generator=rng) for length in steps]


def at(rate: float, samples: list[Tensor]) -> Sequence:
    return Sequence.pad(samples, [rate] * len(samples))


@pytest.mark.parametrize(("loss", "error"), [("squared", np.square), ("absolute", np.abs)])
def test_it_is_the_mean_error_of_every_clip(loss: str, error: Any) -> None:
    ours, theirs = clips(5, 3), clips(5, 3, seed=1)
    by_hand = sum(error(a.numpy() - b.numpy()).mean() for a, b in zip(ours, theirs, strict=True))
    found = measured(at(25, ours), at(25, theirs), loss=loss)
    assert found.item() == pytest.approx(by_hand, rel=1e-5)


def test_padding_is_never_seen() -> None:
    ours, theirs = clips(5, 3), clips(5, 3, seed=1)
    alone = sum(measured(at(25, [a]), at(25, [b])) for a, b in zip(ours, theirs, strict=True))
    batch, target = at(25, ours), at(25, theirs)
    for one in (batch, target):
        one.values[~one.mask] = torch.nan
    batch.values.requires_grad_()
    loss = measured(batch, target)
    loss.backward()
    assert loss.item() == pytest.approx(float(alone), rel=1e-6)
    gradient = batch.values.grad
    assert gradient is not None and gradient.isfinite().all()
    assert gradient[batch.mask].any() and not gradient[~batch.mask].any()


def test_a_slower_part_tells_several_steps() -> None:
    (theirs,) = clips(11)
    ours = theirs[:10].reshape(5, 6) + 2  # each step tells two; the eleventh is left out
    assert measured(at(12.5, [ours]), at(25, [theirs])).item() == pytest.approx(4, rel=1e-6)


def test_an_encoder_of_windows_has_a_few_steps_less() -> None:
    (theirs,) = clips(12)
    assert measured(at(25, [theirs[:4]]), at(25, [theirs])).item() == 0


def test_changes_are_told_of_each_clip_up_to_its_end() -> None:
    slow, fast, short = torch.arange(6.0)[:, None], 3 * torch.arange(4.0)[:, None], torch.ones(2, 1)
    theirs = at(25, [slow, fast, short])  # in two steps 2, 6, and the third has no two more
    theirs.values[~theirs.mask] = torch.nan
    ours = [torch.full((len(one), 1), 5.0) for one in (slow, fast, short)]
    found = measured(at(25, ours), theirs, over=2)
    assert found.item() == pytest.approx((5 - 2) ** 2 + (5 - 6) ** 2)


def test_a_slower_part_tells_several_changes() -> None:
    (theirs,) = clips(11)
    change = theirs[3:] - theirs[:-3]  # 8 steps
    ours = torch.cat([change.reshape(4, 6), torch.full((1, 6), torch.nan)])  # the last is left out
    assert measured(at(12.5, [ours]), at(25, [theirs]), over=3).item() == 0


def test_no_gradient_reaches_the_teacher() -> None:
    ours, theirs = at(25, clips(4)), at(25, clips(4, seed=1))
    ours.values.requires_grad_()
    theirs.values.requires_grad_()
    measured(ours, theirs).backward()
    assert ours.values.grad is not None and theirs.values.grad is None


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        (at(25, clips(4, width=2)), at(25, clips(4)), "gives 2 numbers a step, 3 are needed"),
        (at(10, clips(4)), at(25, clips(10)), "a whole number of times as many"),
        (at(50, clips(8)), at(25, clips(4)), "a whole number of times as many"),
        (at(25, clips(13)), at(25, clips(4)), "rows.tsv:2: .* are they of the same clip"),
    ],
)
def test_what_does_not_fit_is_told(ours: Sequence, theirs: Sequence, message: str) -> None:
    with pytest.raises(UserError, match=message):
        measured(ours, theirs)


def test_a_part_that_gives_nothing_is_told() -> None:
    objective = Regression(RegressionConfig(to="streams.pose.encoder"))
    objective.on = "streams.learner.maper"
    trace = Trace({"streams.learner.mapper": at(25, clips(2))}, at(25, clips(2)))
    with pytest.raises(UserError, match='"streams.learner.maper" gives nothing; did you mean'):
        objective(ANY, trace, Batch((), {}))
