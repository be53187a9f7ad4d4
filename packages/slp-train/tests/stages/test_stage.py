"""What a stage leaves behind: best weights that are the best, logs, and nothing else changed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from slp_core.errors import UserError
from slp_train import checkpoints

TRAINER = "slp_train.trainer.StageTrainer"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "pipeline" / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def scores(*values: float) -> Any:
    """A scorer that says these values one after the other."""
    left = list(values)
    return lambda pipeline: {"bleu": left.pop(0)}


def test_a_stage_learns_and_leaves_its_files(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    result = tiny.train(tmp_path, pipeline=pipeline, trainer={"report_to": "tensorboard"})
    assert {one.name for one in result.folder.iterdir()} == {
        "checkpoint-36", "log.jsonl", "objectives.safetensors", "pipeline", "result.json",
        "tensorboard",
    }  # fmt: skip
    assert any((result.folder / "tensorboard").iterdir())
    assert not pipeline.training
    losses = [entry["eval_loss"] for entry in result.logs if "eval_loss" in entry]
    assert len(losses) == 3
    assert result.best == min(losses) < losses[0]
    lines = (result.folder / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == list(result.logs)
    trained = next(entry for entry in result.logs if "loss" in entry)
    assert trained.keys() >= {"cross-entropy", "near-one@streams.pose.mapper", "learning_rate",
                              "grad_norm", "steps_per_second", "padding"}  # fmt: skip
    whole = trained["cross-entropy"] + 0.1 * trained["near-one@streams.pose.mapper"]
    assert trained["loss"] == pytest.approx(whole, rel=0.05)  # a mean of steps, a mean of items


def test_trained_parts_are_asked_for_their_gauges(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    for kind in ("encoder", "mapper"):
        pipeline.part(f"streams.pose.{kind}").gauges = lambda: {"pressure": 2.5}
    logs = tiny.train(tmp_path, pipeline=pipeline, train=["streams.*.mapper"]).logs
    gauges = {name: log[name] for log in logs for name in log if name.endswith("pressure")}
    assert gauges == {"streams.pose.mapper.pressure": 2.5}


def test_the_validation_loss_is_counted_by_item(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    result = tiny.train(tmp_path, pipeline=pipeline)
    objective = tiny.CrossEntropy(None)
    dataset = tiny.make_dataset(tmp_path / "validation.tsv", pipeline, {})
    batch = tiny.collate([dataset[index] for index in range(len(dataset))])
    with torch.no_grad():
        loss = objective(pipeline, pipeline(batch), batch) / objective.count(batch)
    logged = next(e for e in result.logs if e["step"] == result.checkpoints[0] and "eval_loss" in e)
    assert logged["eval_cross-entropy"] == pytest.approx(float(loss), rel=1e-6)


def test_the_best_is_the_best_and_the_last_the_last(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    result = tiny.train(
        tmp_path, pipeline=pipeline, scorer=scores(3, 9, 5), higher_is_better=True, select="bleu"
    )
    assert (result.best, result.checkpoints) == (9, (24,))
    assert checkpoints.complete(result.folder) == [24, 36]
    assert same(weights(result.folder), weights(result.folder / "checkpoint-24"))
    assert not same(weights(result.folder), weights(result.folder / "checkpoint-36"))
    assert same(dict(pipeline.state_dict()), weights(result.folder))


def test_of_error_rates_the_lowest_is_best_and_of_equals_the_first(
    tiny: ModuleType, tmp_path: Path
) -> None:
    result = tiny.train(tmp_path, scorer=scores(5, 3, 3), select="bleu")
    assert result.checkpoints == (24,)


def test_without_validation_the_last_is_taken(tiny: ModuleType, tmp_path: Path) -> None:
    result = tiny.train(tmp_path, validated=False, average=2)
    assert result.best is None
    assert result.checkpoints == (36, 24)


def test_patience_ends_a_stage_early(tiny: ModuleType, tmp_path: Path) -> None:
    result = tiny.train(
        tmp_path,
        epochs=10.0,
        patience=2,
        select="bleu",
        scorer=scores(1, 7, 6, 7, 8),
        higher_is_better=True,
    )
    assert (result.steps, result.checkpoints) == (48, (24,))  # after four of ten epochs


def test_the_best_checkpoints_are_averaged(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    result = tiny.train(
        tmp_path, pipeline=pipeline, select="bleu", average=2, epochs=4.0,
        scorer=scores(7, 2, 9, 1), higher_is_better=True,
    )  # fmt: skip
    assert result.checkpoints == (36, 12)
    assert checkpoints.complete(result.folder) == [12, 36, 48]
    first, second = (weights(result.folder / f"checkpoint-{step}") for step in (12, 36))
    for name, value in weights(result.folder).items():
        if value.is_floating_point():
            mean = ((first[name].double() + second[name].double()) / 2).float()
            assert torch.equal(value, mean), name
        else:
            assert torch.equal(value, second[name])


def test_what_is_frozen_is_on_the_disk_once(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    result = tiny.train(
        tmp_path, pipeline=pipeline, select="bleu", average=2, epochs=4.0,
        train=["streams.*.mapper", "decoder.out"], scorer=scores(7, 2, 9, 1), higher_is_better=True,
    )  # fmt: skip
    places = [result.folder, *(result.folder / f"checkpoint-{step}" for step in (12, 36, 48))]
    files = [place / "pipeline" / "frozen.safetensors" for place in places]
    assert len({file.stat().st_ino for file in files}) == 1
    assert load_file(files[0]).keys() == {
        "streams.pose.encoder.layer.weight", "streams.pose.encoder.layer.bias",
        "streams.pose.encoder.norm.weight", "streams.pose.encoder.norm.bias",
        "decoder.embedding.weight", "decoder.head.weight", "decoder.head.bias",
    }  # fmt: skip
    first, second = (weights(place) for place in places[1:3])
    assert not same(first, second)
    ended = dict(pipeline.state_dict())
    for name, value in weights(result.folder).items():
        assert torch.equal(value, ended[name])
        if value.is_floating_point():
            mean = ((first[name].double() + second[name].double()) / 2).float()
            assert torch.equal(value, mean), name
    opened = tiny.make_pipeline(seed=1)
    opened.load_weights(result.folder / "pipeline")
    assert same(dict(opened.state_dict()), ended)
    opened.save(tmp_path / "whole")
    assert same(load_file(tmp_path / "whole" / "model.safetensors"), ended)
    files[0].unlink()
    with pytest.raises(UserError, match=r"missing; .* in frozen\.safetensors, and there is none"):
        opened.load_weights(result.folder / "pipeline")


def test_only_what_a_stage_trains_changes(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    before = {name: value.clone() for name, value in pipeline.state_dict().items()}
    modes = []
    encoder = pipeline.part("streams.pose.encoder")
    encoder.register_forward_hook(lambda *_: modes.append((encoder.training, pipeline.training)))
    tiny.train(tmp_path, pipeline=pipeline, train=["streams.*.mapper", "decoder.out"], epochs=1.0)
    changed = {
        name for name, value in pipeline.state_dict().items() if (value != before[name]).any()
    }
    assert changed == {
        "streams.pose.mapper.layer.weight", "streams.pose.mapper.layer.bias",
        "decoder.out.weight", "decoder.out.bias",
    }  # fmt: skip
    assert all(parameter.grad is None for parameter in encoder.parameters())
    # the frozen encoder neither drops out nor gathers statistics while the rest trains
    assert set(modes) == {(False, True), (False, False)}


def test_a_stage_of_its_own_scorer_that_trains_the_pipeline_goes_on_in_training_mode(
    tiny: ModuleType, tmp_path: Path
) -> None:
    pipeline = tiny.make_pipeline()
    modes = []
    dropout = pipeline.part("streams.pose.encoder").dropout
    dropout.register_forward_hook(lambda *_: modes.append(dropout.training))

    def meddle(scored: Any) -> dict[str, float]:
        assert not scored.training
        scored.train()
        return {"bleu": 0.0}

    tiny.train(tmp_path, pipeline=pipeline, scorer=meddle, epochs=2.0)
    assert modes.count(True) == 24  # every training step, before and after a validation


def test_a_finished_stage_is_loaded(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tiny.train(tmp_path)
    monkeypatch.setattr(f"{TRAINER}.run", None)
    pipeline = tiny.make_pipeline(seed=1)
    assert tiny.train(tmp_path, pipeline=pipeline) == result
    assert same(dict(pipeline.state_dict()), weights(result.folder))


def test_a_damaged_stage_names_the_file(tiny: ModuleType, tmp_path: Path) -> None:
    result = tiny.train(tmp_path)
    log, told = result.folder / "log.jsonl", result.folder / "result.json"
    good = log.read_bytes(), told.read_bytes()
    for file, written, said in (
        (told, b"{", r"result\.json: is damaged"),
        (told, b'{"steps": 3}', r"result\.json: is no result of a stage: .*identity"),
        (told, b'{"identity": {}, "checkpoints": [], "more": 1}', "is no result of a stage"),
        (told, b'{"identity": "a", "checkpoints": []}', "is no result of a stage"),
        (log, b'{"step": 1}\n[]\n{"step": 2}\n', r"log\.jsonl:2: is no entry of a log"),
        (log, b'{"step": "1"}\n{"step": 2}\n', r"log\.jsonl:1: is no entry of a log"),
        (log, b"\xff\n", r"log\.jsonl: not UTF-8 at byte 0"),
    ):
        log.write_bytes(good[0])
        told.write_bytes(good[1])
        file.write_bytes(written)
        with pytest.raises(UserError, match=said):
            tiny.train(tmp_path)
    log.unlink()
    assert tiny.train(tmp_path).logs == ()
    told.unlink()
    again = tiny.train(tmp_path)
    assert (again.steps, again.best, told.is_file()) == (result.steps, result.best, True)


@pytest.mark.parametrize("finished", [True, False])
def test_another_recipe_or_other_data_is_refused(
    tiny: ModuleType, tmp_path: Path, finished: bool
) -> None:
    result = tiny.train(tmp_path)
    if not finished:
        (result.folder / "result.json").unlink()
    with pytest.raises(UserError, match=r"stage.epochs: 3.0 then, 4.0 now"):
        tiny.train(tmp_path, epochs=4.0)
    with pytest.raises(UserError, match=r"stage.trainer.learning_rate: 0.01 then, 0.02 now"):
        tiny.train(tmp_path, trainer={"learning_rate": 0.02})
    file = tmp_path / "train.tsv"
    file.write_text(file.read_text().replace("\tg", "\th", 1))
    with pytest.raises(UserError, match=r"data.train \(its content\)"):
        tiny.train(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"validated": False, "patience": 3}, "patience = 3 needs validation data"),
        ({"train": ["decoder.lora"]}, '"decoder.lora" has no parameters'),
        ({"select": "bleu", "scorer": lambda _: {"chrf": 1.0}}, 'select = "bleu" is not measured'),
        ({"trainer": {"gradient_checkpointing": True}}, "no part of this pipeline can do it"),
        ({"trainer": {"learning_rate": 1e30}}, "no longer finite"),
        ({"trainer": {"fp16": True, "use_cpu": True}}, "fp16"),
    ],
)
def test_what_cannot_be_done_is_said(
    tiny: ModuleType, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        tiny.train(tmp_path, **changes)


def test_parts_that_can_recompute_their_activations_do(tiny: ModuleType, tmp_path: Path) -> None:
    pipeline = tiny.make_pipeline()
    said = []
    mapper = pipeline.part("streams.pose.mapper")
    mapper.activation_checkpointing_enable = lambda **_: said.append("on")
    mapper.activation_checkpointing_disable = lambda: said.append("off")
    tiny.train(tmp_path, pipeline=pipeline, epochs=1.0, trainer={"gradient_checkpointing": True})
    assert said == ["on", "off"]


def test_mixed_precision_and_workers(tiny: ModuleType, tmp_path: Path) -> None:
    plain = tiny.train(tmp_path / "plain", epochs=1.0)
    workers = tiny.train(tmp_path / "workers", epochs=1.0, trainer={"dataloader_num_workers": 1})
    assert same(weights(plain.folder), weights(workers.folder))
    mixed = tiny.train(tmp_path / "mixed", epochs=1.0, trainer={"bf16": True})
    assert not same(weights(plain.folder), weights(mixed.folder))
    assert {value.dtype for value in weights(mixed.folder).values()} == {torch.float32, torch.int64}
    assert mixed.best == pytest.approx(plain.best, rel=0.01)


def test_what_an_objective_learns_goes_on_in_the_next_stage(
    tiny: ModuleType, tmp_path: Path
) -> None:
    from slp_train.objectives import carry_on

    result = tiny.train(tmp_path)
    ended = load_file(result.folder / "objectives.safetensors")
    scale = ended["near-one@streams.pose.mapper scale"]
    assert ended.keys() == {"near-one@streams.pose.mapper scale"} and scale != 1
    known = {"near-one@streams.pose.mapper": tiny.NearOne(), "near-one": tiny.NearOne()}
    carry_on(known, [tmp_path / "absent", result.folder, tmp_path / "none"])
    assert known["near-one@streams.pose.mapper"].scale == scale
    assert known["near-one"].scale == 1  # another objective
