"""Stages that learn from text alone ask for no signal."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from slp_core.batch import collate
from slp_core.dataset import SampleDataset
from slp_core.manifest import read_manifest
from slp_core.recipe import ObjectiveUse, Use
from slp_train.model import StageModel
from slp_train.stage import train_stage


class Texts:
    """The tiny pipeline, whose decoder scores letters by the letter before, and its losses."""

    def __init__(self, tiny: ModuleType) -> None:
        class Blind(tiny.Letters):  # type: ignore[name-defined,misc]
            reads_signs = False

            def forward(self, inputs: Any, tokens: Any) -> Any:
                assert inputs.values.shape[1:] == (0, 0)
                before = torch.nn.functional.pad(tokens["labels"].ids[:, :-1] + 1, (1, 0))
                return self.out(self.embedding(before))

        class CrossEntropy(tiny.CrossEntropy):  # type: ignore[name-defined,misc]
            def reads(self, pipeline: Any) -> tuple[str, ...]:
                return ("decoder",) if pipeline.decoder.reads_signs else ()

        torch.manual_seed(0)
        self.pipeline = tiny.make_pipeline()
        self.pipeline.decoder = Blind()
        self.objectives = {"cross-entropy": CrossEntropy(None)}

    def dataset(self, file: Path, training: bool = False) -> SampleDataset:
        reader = self.pipeline.reader.only(())
        made = SampleDataset(read_manifest(file), self.pipeline, training=training, reader=reader)
        assert made.probe() == []
        return made.with_objectives(self.objectives.values())


@pytest.fixture
def texts(tiny: ModuleType) -> Texts:
    return Texts(tiny)


@pytest.fixture
def data(tiny: ModuleType, tmp_path: Path) -> Path:
    """Manifests whose signals cannot be read."""
    tiny.make_data(tmp_path)
    for name in ("train", "validation"):
        file = tmp_path / f"{name}.tsv"
        head, *rows = file.read_text().splitlines()
        cells = [row.split("\t") for row in rows]
        lines = [head, *("\t".join([one, "there is no file", text]) for one, _, text in cells)]
        file.write_text("\n".join(lines) + "\n")
    return tmp_path


def test_signals_that_are_not_there_are_not_missed(
    texts: Texts, tiny: ModuleType, data: Path
) -> None:
    stage = tiny.make_stage(
        train=["decoder.out", "decoder"], objectives=[ObjectiveUse(Use("cross-entropy"))]
    )
    before = {name: one.clone() for name, one in texts.pipeline.state_dict().items()}
    result = train_stage(
        texts.pipeline,
        stage,
        texts.objectives,
        texts.dataset(data / "train.tsv", training=True),
        texts.dataset(data / "validation.tsv"),
        data / stage.name,
        seed=3,
    )
    losses = [entry["eval_loss"] for entry in result.logs if "eval_loss" in entry]
    assert result.best == min(losses) < losses[0]
    moved = {
        name for name, one in texts.pipeline.state_dict().items() if not one.equal(before[name])
    }
    assert moved == {"decoder.embedding.weight", "decoder.out.weight", "decoder.out.bias"}


def test_a_sample_is_as_long_as_its_longest_list_of_ids(texts: Texts, data: Path) -> None:
    dataset = texts.dataset(data / "train.tsv")
    rows = read_manifest(data / "train.tsv")
    assert dataset.lengths == [len(row.get("text")) for row in rows]
    assert dataset[0].signals == {}
    assert collate([dataset[0], dataset[1]]).signals == {}

    class Spelling:
        def encode(self, row: Any, pipeline: Any) -> dict[str, list[int]]:
            return {"spelling.ids": [0] * 9}

    spelling: Any = Spelling()
    assert set(dataset.with_objectives([spelling]).lengths) == {9}


def test_one_objective_that_looks_makes_the_pipeline_run(
    texts: Texts, tiny: ModuleType, tmp_path: Path
) -> None:
    tiny.make_data(tmp_path)
    both = {**texts.objectives, "near-one": tiny.NearOne()}
    assert StageModel(texts.pipeline, texts.objectives, ["decoder"]).reads == set()
    assert StageModel(texts.pipeline, both, ["decoder"]).reads != set()
    batch = collate([texts.dataset(tmp_path / "train.tsv")[0]])
    with pytest.raises(KeyError):  # there is nothing to run on
        StageModel(texts.pipeline, both, ["decoder"])(batch)


def test_rows_without_text_are_told_nonetheless(texts: Texts, data: Path) -> None:
    file = data / "train.tsv"
    lines = file.read_text().splitlines()
    lines[1] = "\t".join([*lines[1].split("\t")[:2], ""])
    file.write_text("\n".join(lines) + "\n")
    dataset = SampleDataset(
        read_manifest(file), texts.pipeline, reader=texts.pipeline.reader.only(())
    )
    (bad,) = dataset.probe()
    assert "the target `text` is empty" in bad.reason
