"""Batches, order, processes: none of them changes a translation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slp_train.evaluation import read_evaluation
from slp_train.evaluation.translation import (
    blank_signals,
    evaluating,
    length_batches,
    shuffled_signals,
    translate_dataset,
)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100))
def test_batches_hold_every_sample_once_within_the_budget(lengths, steps):
    batches = length_batches(lengths, steps)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(lengths[index] for index in batch) <= steps or len(batch) == 1


@pytest.mark.parametrize("steps", [1, 12, 1000])
def test_translations_come_in_the_datasets_order(toys, tmp_path, steps):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, toys.make_manifest(tmp_path / "test.tsv", 23, 0))
    seen = []
    said = translate_dataset(
        pipeline, dataset, batch_steps=steps, progress=lambda *done: seen.append(done)
    )
    assert [one.text for one in said] == [row.get("text") for row in dataset.rows]
    assert seen[-1] == (23, 23)
    if steps < 1000:
        assert len(pipeline.decoder.batches) > 1
        assert max(pipeline.decoder.batches) <= max(steps, max(dataset.lengths))


def test_generation_settings_reach_the_decoder(toys, tmp_path):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, toys.make_manifest(tmp_path / "test.tsv", 3, 0))
    translate_dataset(pipeline, dataset, batch_steps=99, generation={"num_beams": 7})
    assert pipeline.decoder.options == [{"num_beams": 7}]


def test_modes_are_put_back(toys):
    pipeline = toys.make_pipeline()
    pipeline.train()
    pipeline.part("streams.hands.encoder").eval()
    with pytest.raises(KeyError), evaluating(pipeline):
        assert not pipeline.decoder.training
        raise KeyError
    assert pipeline.training and pipeline.decoder.training
    assert not pipeline.part("streams.hands.encoder").training


def test_shuffled_and_blank_signals(toys, tmp_path):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, toys.make_manifest(tmp_path / "test.tsv", 23, 0))
    own = [row.get("text") for row in dataset.rows]
    assert len(set(own)) == 23
    said = translate_dataset(pipeline, shuffled_signals(dataset, 1), batch_steps=20)
    assert sorted(one.text for one in said) == sorted(own)
    assert all(one.text != text for one, text in zip(said, own, strict=True))
    said = translate_dataset(pipeline, blank_signals(dataset), batch_steps=20)
    assert [one.text.split() for one in said] == [["<blank>"] * n for n in dataset.lengths]
    assert [len(dataset[i].signals["hands"].values) for i in range(23)] == dataset.lengths


def test_shuffled_samples_keep_their_rows_and_prompts(toys, tmp_path):
    pipeline = toys.make_pipeline()
    dataset = toys.make_dataset(pipeline, toys.make_manifest(tmp_path / "test.tsv", 5, 0))
    shuffled = shuffled_signals(dataset, 0)
    for index in range(5):
        assert shuffled[index].row is dataset[index].row
        assert shuffled[index].tokens == dataset[index].tokens
        assert shuffled[index].steps == shuffled.lengths[index]


def test_the_number_of_processes_changes_nothing(toys, tmp_path):
    """The toy's words depend on who shares a batch: another cut would change the scores."""
    toys.make_manifest(tmp_path / "train.tsv", 30, 1)
    toys.make_manifest(tmp_path / "test.tsv", 41, 2)
    toys.main(tmp_path)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *torchrun, str(Path(toys.__file__)), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name in ("metrics.json", "predictions.tsv"):
        alone = (tmp_path / "0-of-1" / name).read_bytes()
        assert alone == (tmp_path / "0-of-2" / name).read_bytes()
        assert alone == (tmp_path / "1-of-2" / name).read_bytes()
    scores = read_evaluation(tmp_path / "0-of-1").whole.scores
    assert 50 < scores["BLEU-4"].value < 99
