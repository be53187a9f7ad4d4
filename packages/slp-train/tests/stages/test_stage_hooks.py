"""What plugins are shown of a stage: before its first step, and with the weights it ends with."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from slp_core.batch import Sample
from slp_core.hooks import hooks
from slp_train import checkpoints

Told = list[dict[str, Any]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What a plugin was told, and the weights it saw then."""
    found: Told = []

    def telling(verb: str) -> Any:
        def tell(pipeline: Any, **more: Any) -> None:
            weights = {name: one.clone() for name, one in pipeline.state_dict().items()}
            found.append({"verb": verb, "weights": weights, "eval": not pipeline.training, **more})

        return tell

    verbs = {verb: telling(verb) for verb in ("slp_before_stage", "slp_after_stage")}
    known = SimpleNamespace(**verbs, slp_step=hooks().slp_step)
    monkeypatch.setattr("slp_train.stage.hooks", lambda: known)
    return found


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return all(torch.equal(one, theirs[name]) for name, one in ours.items())


def ids(samples: list[Sample]) -> list[str]:
    return [one.row.id for one in samples]


def test_a_stage_is_shown_before_and_after(tiny: ModuleType, tmp_path: Path, told: Told) -> None:
    pipeline = tiny.make_pipeline()
    new = {name: one.clone() for name, one in pipeline.state_dict().items()}
    result = tiny.train(tmp_path, pipeline=pipeline)
    before, after = told
    assert (before["verb"], after["verb"]) == ("slp_before_stage", "slp_after_stage")
    assert same(before["weights"], new) and not same(after["weights"], new)
    assert same(after["weights"], pipeline.state_dict())
    for one in told:
        assert one["eval"] and one["folder"] == result.folder and one["stage"].name == result.name
        rows = tiny.read_manifest(tmp_path / "validation.tsv")
        assert ids(one["samples"]) == [row.id for row in rows]  # all twelve
        assert "decoder.labels" in one["samples"][0].tokens


def test_without_validation_samples_are_of_training(
    tiny: ModuleType, tmp_path: Path, told: Told
) -> None:
    pipeline = tiny.make_pipeline()
    tiny.train(tmp_path, pipeline=pipeline, validated=False, epochs=1.0)
    rows = list(tiny.read_manifest(tmp_path / "train.tsv"))
    samples = told[0]["samples"]
    assert ids(samples) == [rows[50 * number // 16].id for number in range(16)]
    plain = pipeline.reader.read(samples[3].row)["pose"]  # no random variant of it
    assert np.array_equal(samples[3].signals["pose"].values, plain.values)


def test_a_resumed_stage_is_shown_at_its_end_only(
    tiny: ModuleType, tmp_path: Path, told: Told
) -> None:
    result = tiny.train(tmp_path)
    told.clear()
    (result.folder / "result.json").unlink()
    assert checkpoints.newest(result.folder)[0] is not None
    tiny.train(tmp_path)
    assert [one["verb"] for one in told] == ["slp_after_stage"]
    tiny.train(tmp_path)  # finished now
    assert len(told) == 1


def test_only_the_main_process_shows(
    tiny: ModuleType, tmp_path: Path, in_processes: Any, told: Told
) -> None:
    def child() -> None:
        from slp_train import distributed

        distributed.start()
        tiny.train(tmp_path / "two", epochs=1.0)
        (tmp_path / f"{distributed.rank()}").write_text(str(len(told)))

    tiny.make_data(tmp_path / "two")
    assert in_processes(2, child) == [0, 0]
    assert [(tmp_path / f"{rank}").read_text() for rank in range(2)] == ["2", "0"]
