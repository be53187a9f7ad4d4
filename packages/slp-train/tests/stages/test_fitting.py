"""A stage that fits a part in closed form to what the parts before it give."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from slp_core.errors import UserError
from slp_core.parts import Mapper
from slp_core.sequence import Sequence
from slp_train.fitting import inputs_of
from slp_train.stage import StageResult


class Centre(Mapper):
    """Takes off the mean of the training steps."""

    mean: torch.Tensor
    fitted = False  # by this process

    def __init__(self) -> None:
        super().__init__(None)
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, inputs: Sequence) -> Sequence:
        return inputs.with_values(inputs.values - self.mean)

    def fit(self, inputs: Iterable[Sequence]) -> dict[str, Any]:
        self.fitted = True
        batches = [one.steps for one in inputs]
        steps = torch.cat(batches)
        self.mean.copy_(steps.mean(0))
        return {"steps": len(steps), "batches": len(batches)}


def make_pipeline(tiny: ModuleType) -> Any:
    pipeline = tiny.make_pipeline()
    pipeline.streams.pose.mapper = Centre()
    return pipeline


def fit(tiny: ModuleType, run: Path, pipeline: Any, **changes: Any) -> StageResult:
    stage: dict[str, Any] = {"name": "centre", "train": [], "fit": ["streams.*.mapper"]}
    nothing = {"objectives": [], "epochs": None, "batch_steps": None, "trainer": {}}
    return tiny.train(run, pipeline=pipeline, **{**stage, **nothing, **changes})


def steps_by_hand(tiny: ModuleType, run: Path, pipeline: Any) -> torch.Tensor:
    dataset = tiny.make_dataset(run / "train.tsv", pipeline, {})
    encoder, found = pipeline.part("streams.pose.encoder").eval(), []
    for row in range(len(dataset)):
        alone = tiny.collate([dataset[row]]).signals["pose"]
        found.append(encoder(alone).steps)
    return torch.cat(found)


def test_it_is_fitted_to_what_comes_in(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = make_pipeline(tiny)
    before = {name: one.clone() for name, one in pipeline.state_dict().items()}
    tiny.make_data(tmp_path)
    rows = len(tiny.make_dataset(tmp_path / "train.tsv", pipeline, {}))
    result = fit(tiny, tmp_path, pipeline, batch_samples=rows - 1)
    steps = steps_by_hand(tiny, tmp_path, pipeline)
    mean = pipeline.part("streams.pose.mapper").mean
    assert torch.allclose(mean, steps.mean(0), atol=1e-6)
    assert not torch.allclose(mean, torch.zeros(8), atol=1e-3)
    told = json.loads((result.folder / "fit.json").read_text())
    assert told == {"streams.pose.mapper": {"steps": len(steps), "batches": 2}}
    after = pipeline.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["streams.pose.mapper.mean"]


def test_a_finished_fit_is_loaded(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_pipeline(tiny)
    fit(tiny, tmp_path, first)
    monkeypatch.setattr(Centre, "fit", None)
    again = make_pipeline(tiny)
    fit(tiny, tmp_path, again)
    mean = again.part("streams.pose.mapper").mean
    assert torch.equal(mean, first.part("streams.pose.mapper").mean)
    with pytest.raises(UserError, match="was begun differently"):
        fit(tiny, tmp_path, make_pipeline(tiny), batch_samples=3)


def test_all_processes_have_the_fit_of_the_first(
    tiny: ModuleType, tmp_path: Path, in_processes: Any
) -> None:
    def child() -> None:
        from slp_train import distributed

        distributed.start()
        pipeline = make_pipeline(tiny)
        time.sleep(distributed.rank())  # the first must not be done before the other asks
        fit(tiny, tmp_path / "two", pipeline)
        mapper = pipeline.part("streams.pose.mapper")
        assert mapper.fitted == distributed.is_main()
        np.save(tmp_path / f"{distributed.rank()}.npy", mapper.mean.numpy())

    tiny.make_data(tmp_path / "two")
    assert in_processes(2, child) == [0, 0]
    ours, theirs = (np.load(tmp_path / f"{rank}.npy") for rank in range(2))
    assert np.array_equal(ours, theirs) and ours.any()


def test_batches_are_in_the_order_of_the_rows(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = make_pipeline(tiny)
    tiny.make_data(tmp_path)
    dataset = tiny.make_dataset(tmp_path / "train.tsv", pipeline, {}, training=True)
    dataset.set_epoch(5)
    lengths = [n for one in inputs_of(pipeline, "streams.pose.mapper", dataset, 7)
               for n in one.lengths.tolist()]  # fmt: skip
    assert lengths == dataset.lengths


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("decoder", "cannot be fitted in closed form"), ("streams.pose.maper", "is none")],
)
def test_what_cannot_be_fitted_says_so(
    tiny: ModuleType, tmp_path: Path, pattern: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fit(tiny, tmp_path, make_pipeline(tiny), fit=[pattern])
    assert not (tmp_path / "centre" / "result.json").exists()
