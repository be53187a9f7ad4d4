"""A checkpoint counts when it is complete, and only then."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from slp_core.errors import UserError
from slp_train import checkpoints


def mark(step: int) -> dict[str, object]:
    return {"step": step, "finished": False, "seconds": 1.5, "identity": {}}


def make(stage: Path, *steps: int) -> None:
    for step in steps:
        checkpoints.staging(stage, step).mkdir(parents=True)
        (checkpoints.staging(stage, step) / "weights").write_text(str(step))
        checkpoints.publish(stage, step, mark(step))


def test_only_marked_folders_count_and_the_rest_is_swept(tmp_path: Path) -> None:
    make(tmp_path, 5, 10, 100)
    checkpoints.staging(tmp_path, 105).mkdir()
    (tmp_path / "checkpoint-100" / checkpoints.MARK).unlink()
    assert checkpoints.complete(tmp_path) == [5, 10]
    assert checkpoints.newest(tmp_path) == (tmp_path / "checkpoint-10", mark(10))
    checkpoints.sweep(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"checkpoint-5", "checkpoint-10"}


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is damaged"), ('{"step": 10}', "says no finished, identity, seconds")]
)
def test_a_damaged_mark_is_named(text: str, said: str, tmp_path: Path) -> None:
    make(tmp_path, 5, 10)
    (tmp_path / "checkpoint-10" / checkpoints.MARK).write_text(text)
    with pytest.raises(UserError, match=rf"checkpoint-10/complete\.json: .*{said}"):
        checkpoints.newest(tmp_path)


def test_publishing_again_replaces(tmp_path: Path) -> None:
    make(tmp_path, 5)
    make(tmp_path, 5)
    assert checkpoints.complete(tmp_path) == [5]


def test_rotation_keeps_what_it_is_told(tmp_path: Path) -> None:
    make(tmp_path, 1, 2, 3, 4)
    checkpoints.rotate(tmp_path, keep={2, 4})
    assert checkpoints.complete(tmp_path) == [2, 4]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "absent") == (None, {})


def test_what_differs_is_said_key_by_key(tmp_path: Path) -> None:
    checkpoints.require_same(tmp_path, {"a": 1}, {"a": 1})
    with pytest.raises(UserError) as error:
        checkpoints.require_same(tmp_path, {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    text = str(error.value)
    assert "--restart" in text
    assert "  b: 2 then, 3 now\n  c: absent then, 4 now" in text


def test_the_mean_is_taken_in_float64_and_counters_are_the_last(
    tiny: ModuleType, tmp_path: Path
) -> None:
    pipelines = [tiny.make_pipeline(seed) for seed in range(3)]
    for number, pipeline in enumerate(pipelines):
        pipeline.get_submodule("streams.pose.encoder").norm.num_batches_tracked.fill_(number)
        pipeline.save(tmp_path / str(number))
    mean = tiny.make_pipeline(9)
    mean.load_weights(tmp_path / "2")
    checkpoints.load_average(mean, [tmp_path / str(number) for number in range(3)])
    states = [pipeline.state_dict() for pipeline in pipelines]
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            expected = torch.stack([state[name].double() for state in states]).mean(0).float()
            assert torch.equal(value, expected), name
        else:
            assert value == 2
