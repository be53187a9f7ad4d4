"""``[stages.trainer]``: every Hugging Face ``TrainingArguments`` key that has an effect here.

The keys and their types are read from the text of the installed ``transformers``, so that a
recipe is checked without importing it.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from slp_core.errors import UserError, did_you_mean
from slp_core.schema import said

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from slp_core.recipe import Stage

_IN_THE_STAGE = {
    "num_train_epochs": "epochs",
    "max_steps": "steps",
    "per_device_train_batch_size": "batch_samples",
    "per_device_eval_batch_size": "batch_samples",
    "auto_find_batch_size": "batch_steps",
    "train_sampling_strategy": "batch_steps",
    "metric_for_best_model": "select",
    "load_best_model_at_end": "select",
    "save_total_limit": "average",
}
_REASONS = {
    "batches hold every sample once an epoch, in an order drawn from the seed": [
        "dataloader_drop_last", "dataloader_persistent_workers", "length_column_name",
        "accelerator_config", "remove_unused_columns", "label_names",
    ],
    "a pipeline's batches cannot be compiled": [
        "torch_compile", "torch_compile_backend", "torch_compile_mode",
    ],
    "it has no effect on a stage": ["dataloader_pin_memory", "torch_empty_cache_steps"],
    "the recipe's seed is used; write `seed` in [recipe]": ["seed", "data_seed"],
    "the metric knows": ["greater_is_better"],
    "it is an option of the objective: label_smoothing": ["label_smoothing_factor"],
    "losses are always divided by the items of the whole accumulated batch": [
        "average_tokens_across_devices",
    ],
    "a loss that is not finite ends the stage": ["logging_nan_inf_filter"],
    "a run is resumed by itself": [
        "resume_from_checkpoint", "ignore_data_skip", "save_only_model", "enable_jit_checkpoint",
        "restore_callback_states_from_checkpoint",
    ],
    "the run's folder is used": ["output_dir"],
    "the command shows its own progress": ["disable_tqdm"],
    "the launcher says it": ["local_rank"],
    "several processes train by distributed data parallel only": [
        "fsdp", "fsdp_config", "deepspeed", "parallelism_config",
    ],
    "it needs a bare Hugging Face model": [
        "use_liger_kernel", "liger_kernel_config", "neftune_noise_alpha", "use_cache",
        "include_num_input_tokens_seen",
    ],
    "a stage neither predicts nor uploads; its evaluation is configured in [evaluation]": [
        "do_train", "do_eval", "do_predict", "prediction_loss_only", "include_for_metrics",
        "batch_eval_metrics", "eval_do_concat_batches", "eval_use_gather_object",
        "eval_accumulation_steps", "skip_memory_metrics", "fp16_full_eval", "bf16_full_eval",
        "push_to_hub", "hub_token", "hub_private_repo", "hub_model_id", "hub_strategy",
        "hub_always_push", "hub_revision",
    ],
}  # fmt: skip
#: Keys that are not the trainer's, and what to do instead.
REFUSED = {
    **{key: f"the stage says it: write `{ours}`" for key, ours in _IN_THE_STAGE.items()},
    **{key: reason for reason, keys in _REASONS.items() for key in keys},
}
_NAMES = {"bool": "true or false", "int": "a whole number", "float": "a number",
          "str": "a string", "dict": "a table", "list": "a list"}  # fmt: skip
#: The least a number may be, if not 0, and what it must be below, if not infinity.
_LEAST = {"gradient_accumulation_steps": 1, "dataloader_prefetch_factor": 1, "ddp_timeout": 1}
_BELOW = {"adam_beta1": 1.0, "adam_beta2": 1.0}
_OPTIMISERS = ("schedule_free", "lomo", "adalomo")  #: want more of a loop than a stage's gives
_STRATEGIES = {"eval": ["no", "epoch", "steps"], "logging": ["no", "epoch", "steps"],
               "save": ["epoch", "steps", "best"]}  # fmt: skip


@cache
def trainer_keys() -> dict[str, list[str]]:
    """The keys of ``TrainingArguments`` and the plain types each may have."""
    spec = find_spec("transformers")
    assert spec is not None and spec.origin is not None
    text = Path(spec.origin).with_name("training_args.py").read_text(encoding="utf-8")
    (cls,) = (
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == "TrainingArguments"
    )
    keys = {}
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words = {n.id for n in ast.walk(node.annotation) if isinstance(n, ast.Name)}
            keys[node.target.id] = [name for name in _NAMES if name in words]
    return {key: kinds for key, kinds in keys.items() if not key.startswith("_")}


def trainer_problems(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with ``[stages.trainer]``: key and message. Nothing is said where
    transformers, which knows the keys, is not installed."""
    if find_spec("transformers") is None:
        return
    for key, value in options.items():
        kinds = trainer_keys().get(key)
        if kinds is None:
            good = trainer_keys().keys() - REFUSED.keys()
            yield key, f"there is no such training argument{did_you_mean(key, good)}"
        elif key in REFUSED:
            yield key, REFUSED[key]
        elif type(value).__name__ not in kinds and not (type(value) is int and "float" in kinds):
            wanted = " or ".join(_NAMES[kind] for kind in kinds)
            yield key, f"{said(value)} was written, {wanted} is expected"
        elif type(value) in (int, float):
            least, limit = _LEAST.get(key, 0), _BELOW.get(key, math.inf)
            if not least <= value < limit:
                wanted = f"a finite number of at least {least}"
                if limit < math.inf:
                    wanted = f"a number of at least {least} and below {limit:g}"
                yield key, f"{said(value)} was written, {wanted} is expected"
    if str(options.get("optim", "")).startswith(_OPTIMISERS):
        yield "optim", f"{said(options['optim'])} cannot train a stage"
    for kind, choices in _STRATEGIES.items():
        written = options.get(f"{kind}_strategy")
        if isinstance(written, str) and written not in choices:
            hint = did_you_mean(written, choices)
            yield f"{kind}_strategy", f"{said(written)} is none of its values{hint}"
        elif written not in (None, "steps") and f"{kind}_steps" in options:
            yield f"{kind}_steps", f"has no effect with {kind}_strategy = {said(written)}"


@frozen
class Schedule:
    """How long a stage runs and when it logs, evaluates and saves, in optimiser steps."""

    total: int
    logging: int
    evaluate: int | None
    save: int
    delay: float = 0  #: no evaluation before


def schedule(stage: Stage, batches: int, validated: bool) -> Schedule:
    """Work out a stage's schedule; ``batches``: how many an epoch gives each process.

    What the recipe leaves open: evaluation and a checkpoint every epoch, or ten times over a
    stage that counts steps; a hundred points of a curve, not closer than twenty steps.
    """
    options = stage.trainer
    per_epoch = math.ceil(batches / options.get("gradient_accumulation_steps", 1))
    total = stage.steps or math.ceil((stage.epochs or 0) * per_epoch)
    usual = min(per_epoch, total) if stage.epochs else math.ceil(total / 10)

    def interval(kind: str, default: int | None) -> int | None:
        written = options.get(f"{kind}_strategy")
        steps = options.get(f"{kind}_steps")
        if written == "epoch":
            return per_epoch
        if steps is not None:
            return math.ceil(total * steps) if steps < 1 else int(steps)
        return default if written in (None, "steps") else None

    by_step = stage.steps is not None or "eval_steps" in options
    by_epoch = options.get("eval_strategy", "steps" if by_step else "epoch") == "epoch"
    return Schedule(
        total,
        interval("logging", max(math.ceil(total / 100), min(20, total))) or total,
        interval("eval", usual) if validated else None,
        interval("save", usual) or total,
        options.get("eval_delay", 0) * (per_epoch if by_epoch else 1),
    )


def training_arguments(stage: Stage, plan: Schedule, folder: Path, seed: int) -> TrainingArguments:
    """The ``TrainingArguments`` of a stage.

    Everything is scheduled by steps, so that a step is logged, evaluated and saved in one go and
    a run resumes behind all three.

    Raises:
        UserError: a value the recipe's check could not judge is refused by ``transformers``.
    """
    import torch
    from transformers import TrainingArguments

    if problems := list(trainer_problems(stage.trainer)):
        raise UserError("\n".join(f"{stage.name}: trainer.{k}: {text}" for k, text in problems))
    options = {
        "use_cpu": not torch.accelerator.is_available(),
        "report_to": "tensorboard",
        "run_name": stage.name,
        **stage.trainer,
    }
    for new in ("activation_checkpointing", "activation_checkpointing_kwargs"):
        old = new.replace("activation", "gradient")  # the name most recipes know
        if old in options:
            options[new] = options.pop(old)
    options["eval_delay"] = plan.delay
    for kind, steps in (("logging", plan.logging), ("eval", plan.evaluate), ("save", plan.save)):
        options[f"{kind}_strategy"] = "no" if steps is None else "steps"
        options[f"{kind}_steps"] = steps or 500
    try:
        arguments = TrainingArguments(
            output_dir=str(folder),
            max_steps=plan.total,
            seed=seed,
            metric_for_best_model=stage.select,
            disable_tqdm=True,
            logging_nan_inf_filter=False,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            **options,
        )
    except (TypeError, ValueError) as error:
        raise UserError(f'stage "{stage.name}": trainer: {error}') from error
    if arguments.fp16 and arguments.device.type == "cpu":
        raise UserError(f'stage "{stage.name}": trainer.fp16 needs a GPU; bf16 does not')
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs: one process each, by a launcher
    return arguments
