"""Every key of ``[stages.trainer]`` has an effect or is an error, told without torch."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slp_core.check import Node, configured
from slp_core.errors import UserError
from slp_core.recipe_file import parse_recipe
from slp_train.arguments import (
    REFUSED,
    schedule,
    trainer_keys,
    trainer_problems,
    training_arguments,
)
from slp_train.check import slp_check


def test_the_keys_are_those_of_training_arguments() -> None:
    from transformers import TrainingArguments

    assert list(trainer_keys()) == [field.name for field in fields(TrainingArguments)]
    assert REFUSED.keys() < trainer_keys().keys()


@pytest.mark.parametrize(
    ("options", "key", "said"),
    [
        ({"learnin_rate": 1e-3}, "learnin_rate", 'did you mean "learning_rate"'),
        ({"lr": 1e-3}, "lr", 'did you mean "learning_rate"'),
        ({"learning_rate": "1e-3"}, "learning_rate", '"1e-3" was written, a number is expected'),
        ({"bf16": 1}, "bf16", "1 was written, true or false is expected"),
        ({"gradient_accumulation_steps": 2.0}, "gradient_accumulation_steps", "a whole number"),
        ({"learning_rate": math.nan}, "learning_rate", "nan was written, a finite number of at "),
        ({"learning_rate": -1}, "learning_rate", "-1 was written, a finite number of at least 0"),
        ({"max_grad_norm": math.inf}, "max_grad_norm", "inf was written, a finite number"),
        ({"weight_decay": -0.1}, "weight_decay", "-0.1 was written"),
        ({"adam_beta1": 1.0}, "adam_beta1", "a number of at least 0 and below 1 is"),
        ({"adam_beta2": 1.0}, "adam_beta2", "a number of at least 0 and below 1 is"),
        ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps", "of at least 1"),
        ({"dataloader_prefetch_factor": 0}, "dataloader_prefetch_factor", "of at least 1"),
        ({"ddp_timeout": 0}, "ddp_timeout", "of at least 1"),
        ({"num_train_epochs": 3}, "num_train_epochs", "write `epochs`"),
        ({"max_steps": 3}, "max_steps", "write `steps`"),
        ({"per_device_train_batch_size": 8}, "per_device_train_batch_size", "`batch_samples`"),
        ({"output_dir": "x"}, "output_dir", "the run's folder is used"),
        ({"optim": "schedule_free_adamw"}, "optim", "cannot train a stage"),
        ({"save_strategy": "no"}, "save_strategy", "none of its values"),
        ({"eval_strategy": "epoch", "eval_steps": 5}, "eval_steps", "has no effect"),
    ],
)
def test_what_cannot_have_an_effect_is_refused(
    options: dict[str, Any], key: str, said: str
) -> None:
    ((found, message),) = trainer_problems(options)
    assert found == key
    assert said in message


def test_good_keys_are_not_refused() -> None:
    good = {
        "learning_rate": 1,
        "optim": "adafactor",
        "lr_scheduler_kwargs": {},
        "gradient_checkpointing": True,
        "report_to": ["tensorboard"],
        "eval_steps": 0.1,
        "weight_decay": 0,
        "adam_beta1": 0.0,
        "dataloader_num_workers": 0,
    }
    assert list(trainer_problems(good)) == []


HEAD = """[recipe]
name = "x"
[data]
train = "train.tsv"
[streams.a]
signal = "pose"
encoder = "e"
[decoder]
use = "d"
[[stages]]
name = "s"
train = ["decoder"]
objectives = ["o"]
epochs = 1
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("trainer.lr = 0.1", "recipe.toml:15: stages.0.trainer.lr: there is no such training"),
        ('select = "blue"', 'recipe.toml:15: stages.0.select: "blue" is no metric'),
        ('select = "o"', "recipe.toml:15: stages.0.select: there is no validation data"),
        ("patience = 2", "recipe.toml:15: stages.0.patience: there is no validation data"),
    ],
)
def test_the_check_says_where_in_the_recipe(written: str, said: str) -> None:
    recipe = parse_recipe(HEAD + written)
    problem, *_ = slp_check(SimpleNamespace(recipe=recipe, metrics=[]))
    assert str(problem).startswith(said)


def test_a_good_stage_has_no_problems() -> None:
    recipe = parse_recipe(HEAD.replace("[streams.a]", 'validation = "v.tsv"\n[streams.a]')
                          + 'select = "o"\npatience = 2\n')  # fmt: skip
    assert slp_check(SimpleNamespace(recipe=recipe, metrics=[])) == []


def test_a_metric_that_stands_there_twice_is_told() -> None:
    uses = '["bleu", { use = "bleu", order = 4 }, "chrf", { use = "chrf", word_order = 2 }]'
    recipe = parse_recipe(f"{HEAD}[evaluation]\nmetrics = {uses}\n")
    metrics = [
        Node(f"evaluation.metrics.{number}", *configured("metric", use))
        for number, use in enumerate(recipe.evaluation.metrics)
    ]
    (problem,) = slp_check(SimpleNamespace(recipe=recipe, metrics=metrics))
    assert str(problem) == 'recipe.toml:16: evaluation.metrics.1: "bleu" stands there twice'


def test_checking_imports_no_torch() -> None:
    code = (
        "import sys, slp_train.check as check;"
        "list(check.trainer_problems({'learning_rate': 1})); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_stage_is_scheduled_by_steps(tiny: ModuleType) -> None:
    epochs = schedule(tiny.make_stage(epochs=2.5), batches=100, validated=True)
    assert (epochs.total, epochs.evaluate, epochs.save) == (250, 100, 100)
    steps = schedule(tiny.make_stage(epochs=None, steps=1000), batches=100, validated=False)
    assert (steps.total, steps.evaluate, steps.save) == (1000, None, 100)
    options = {"gradient_accumulation_steps": 4, "eval_steps": 0.1, "save_strategy": "best",
               "logging_steps": 7}  # fmt: skip
    written = schedule(tiny.make_stage(epochs=2.0, trainer=options), batches=101, validated=True)
    assert (written.total, written.evaluate, written.save, written.logging) == (52, 6, 52, 7)


def test_training_arguments_carry_what_was_written(tiny: ModuleType, tmp_path: Path) -> None:
    stage = tiny.make_stage(
        trainer={"learning_rate": 0.5, "gradient_checkpointing": True, "eval_delay": 2}
    )
    plan = schedule(stage, batches=10, validated=True)
    made = training_arguments(stage, plan, tmp_path, seed=7)
    assert (made.learning_rate, made.seed, made.max_steps) == (0.5, 7, 30)
    assert made.activation_checkpointing
    assert made.eval_delay == 20  # two epochs
    assert made.eval_strategy == made.save_strategy == "steps"


def test_a_value_only_transformers_can_judge_is_a_user_error(
    tiny: ModuleType, tmp_path: Path
) -> None:
    stage = tiny.make_stage(trainer={"optim": "adamm"})
    plan = schedule(stage, batches=10, validated=False)
    with pytest.raises(UserError, match=r"stage \"translate\": trainer: .*adamm"):
        training_arguments(stage, plan, tmp_path, seed=0)
