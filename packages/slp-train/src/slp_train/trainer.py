"""The Hugging Face Trainer on a pipeline: what a stage needs that the Trainer does otherwise.

Losses are sums over items, divided by the number of items in the whole accumulated batch of all
processes; batches are cut by a budget; a checkpoint is there as a whole or not at all; what is
checked or looked up anew every step without need is not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import islice
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback, TrainerControl, TrainerState

from slp_core.batch import Batch, collate
from slp_core.dataset import SampleDataset
from slp_core.errors import UserError, did_you_mean
from slp_core.files import tells_full_disk, write_text
from slp_core.hooks import hooks
from slp_core.pipeline import Pipeline
from slp_train import checkpoints
from slp_train.checkpoints import STATE
from slp_train.progress import bar

if TYPE_CHECKING:
    from slp_core.recipe import Stage
    from slp_train.batching import BudgetBatches
    from slp_train.model import StageModel


class StageTrainer(Trainer):
    """Trains a :class:`StageModel` on batches of samples."""

    model: StageModel
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: StageModel,
        args: TrainingArguments,
        *,
        stage: Stage,
        training: SampleDataset,
        batches: BudgetBatches,
        validation: SampleDataset | None,
        validation_batches: list[list[int]],
        scorer: Callable[[Pipeline], dict[str, float]] | None,
        identity: dict[str, Any],
        progress: bar,
    ) -> None:
        self.folder = Path(str(args.output_dir))
        super().__init__(
            model,
            args,
            train_dataset=training,
            eval_dataset=validation,
            callbacks=[StageCallback(progress)],
        )
        self.remove_callback(PrinterCallback)
        for callback in self.callback_handler.callbacks:
            if isinstance(callback, TensorBoardCallback):
                callback.logging_dir = str(self.folder / "tensorboard")
        self.stage, self.identity, self.progress = stage, identity, progress
        self.training = training
        self.batches, self.validation_batches = batches, validation_batches
        self.scorer = scorer
        self.world = args.world_size
        self._totals: list[Tensor] = []  # of the losses since the last log, and of their items
        self._counts: list[int] = []
        self._forget_sums()
        self._logged: tuple[int, float] | None = None

    def run(self, resumed: Path | None, mark: dict[str, Any]) -> None:
        """Train to the end, from the checkpoint ``resumed`` with its ``mark``, if any."""
        self._began = time.monotonic() - mark.get("seconds", 0.0)
        if self.args.should_save:
            checkpoints.sweep(self.folder)
        if resumed is not None and mark["finished"]:
            self.state = TrainerState.load_from_json(str(resumed / STATE))
            self.model.load(resumed)
        else:
            self.args.eval_on_start &= resumed is None
            self.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        if self.args.activation_checkpointing:
            self.model.activation_checkpointing_disable()
        self.accelerator.wait_for_everyone()

    @property
    def seconds(self) -> float:
        """How long the stage has trained, over all resumed runs."""
        return time.monotonic() - self._began

    # -- batches -----------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader:
        return self._loader(self.train_dataset, self.batches)

    def _loader(self, dataset: Any, batches: Any) -> DataLoader:
        args = self.args
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=args.dataloader_num_workers,
            prefetch_factor=args.dataloader_prefetch_factor,
            multiprocessing_context=args.dataloader_multiprocessing_context,
            in_order=args.dataloader_in_order,
        )

    def _run_epoch(self, *arguments: Any, **named: Any) -> None:
        self.batches.set_epoch(named["epoch"])
        self.training.set_epoch(named["epoch"])
        self._padding = self.batches.padding()
        self._logged = self._logged or (self.state.global_step, time.monotonic())
        super()._run_epoch(*arguments, **named)

    def _prepare_inputs(self, inputs: Any) -> Any:
        return inputs.to(self.args.device)

    # -- a step ------------------------------------------------------------------------------

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Without the wrapper that looks for optional packages every step and serves fp16 only."""
        if self.accelerator.scaler is None and isinstance(self.optimizer, AcceleratedOptimizer):
            self.optimizer = self.optimizer.optimizer
        return super().create_scheduler(num_training_steps, optimizer)

    def training_step(
        self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None
    ) -> Tensor:
        model.train()
        loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        scaler = self.accelerator.scaler
        (loss if scaler is None else scaler.scale(loss)).backward()
        return loss.detach()

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        self.accelerator.unscale_gradients()
        return nn.utils.clip_grad_norm_(self.model.trained, self.args.max_grad_norm)

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        return grad_norm  # where nothing is clipped, no norm is worth its time

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], Any]:
        """The batches of one optimiser step, and what each objective's sums are divided by."""
        found = list(islice(epoch_iterator, num_batches))
        counts = [sum(each) for each in zip(*map(self.model.count, found), strict=True)]
        if self.world > 1:
            counts = self.accelerator.reduce(torch.tensor(counts, device=device)).tolist()
        self._counts = [a + b for a, b in zip(self._counts, counts, strict=True)]
        return found, counts

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        losses = model(self._prepare_inputs(inputs))
        self._totals = [a + loss.detach() for a, loss in zip(self._totals, losses, strict=True)]
        # the processes' gradients are averaged where their sum is meant: hence the world's size
        return self._weighted(losses, [self.world / max(n, 1) for n in num_items_in_batch])

    def _weighted(self, losses: Iterable[Any], factors: Iterable[float]) -> Any:
        """The sum of the objectives' losses, each times its weight and its factor."""
        weights = [use.weight for use in self.stage.objectives]
        return reduce(add, (w * f * x for w, f, x in zip(weights, factors, losses, strict=True)))

    def floating_point_ops(self, inputs: Any) -> int:
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, with every objective's loss; the Trainer's closing summary says nothing more.

        Raises:
            UserError: a loss is not finite.
        """
        if "train_runtime" in logs:
            return
        if "loss" in logs:
            logs |= self._since_last_log()
        wrong = [name for name, value in logs.items() if not math.isfinite(value)]
        if wrong and wrong != ["grad_norm"]:  # fp16 skips steps whose gradients overflow
            raise UserError(
                f"{', '.join(wrong)} at step {self.state.global_step}: no longer finite; a lower "
                "learning_rate, a warm-up or max_grad_norm in [stages.trainer] may help"
            )
        super().log(logs, start_time)

    def _since_last_log(self) -> dict[str, float]:
        assert self._logged is not None
        totals = self.accelerator.reduce(torch.stack(self._totals)).tolist()
        (step, then), now = self._logged, time.monotonic()
        logs = {}
        if len(totals) > 1:
            losses = [total / max(n, 1) for total, n in zip(totals, self._counts, strict=True)]
            logs = dict(zip(self.model.labels, losses, strict=True))
        logs |= self.model.gauges()
        logs["steps_per_second"] = (self.state.global_step - step) / (now - then)
        logs["padding"] = self._padding
        self._forget_sums()
        self._logged = (self.state.global_step, now)
        return logs

    def _forget_sums(self) -> None:
        """Begin anew to sum up what the next log says."""
        self._totals = [torch.zeros((), device=self.args.device) for _ in self.model.labels]
        self._counts = [0 for _ in self.model.labels]

    # -- validation --------------------------------------------------------------------------

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The validation losses, divided by their items as in training, and the scores."""
        self.progress.show("validating")
        self.model.eval()
        metrics = {f"eval_{name}": loss for name, loss in self._validation_losses().items()}
        if self.scorer is not None:
            self.progress.pause()
            scores = self.scorer(self.model.pipeline)
            metrics |= {f"eval_{name}": float(value) for name, value in scores.items()}
        if f"eval_{self.stage.select}" not in metrics:
            raise UserError(
                f'stage "{self.stage.name}": select = "{self.stage.select}" is not measured'
                + did_you_mean(self.stage.select, [name.removeprefix("eval_") for name in metrics])
            )
        self.model.eval()  # so that the next step, seeing the mode change, sets every part's
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    @torch.no_grad()
    def _validation_losses(self) -> dict[str, float]:
        if self.world > 1:  # running statistics follow process 0, as in training
            for buffer in self.model.buffers():
                torch.distributed.broadcast(buffer, 0)
        mine = self.validation_batches[self.args.process_index :: self.world]
        sums = torch.zeros(2, len(self.model.labels), dtype=torch.float64, device=self.args.device)
        for batch in self._loader(self.eval_dataset, mine):
            sums[1] += torch.tensor(self.model.count(batch), device=self.args.device)
            sums[0] += torch.stack(self.model(self._prepare_inputs(batch)))
        totals, counts = self.accelerator.reduce(sums, "sum")
        losses = (totals / counts.clamp(min=1)).tolist()
        whole = {"loss": self._weighted(losses, [1.0] * len(losses))}
        return whole | dict(zip(self.model.labels, losses, strict=True))

    # -- best, last, and whether to go on ----------------------------------------------------

    def ranked(self) -> list[int]:
        """The steps evaluated so far, best first; of equals, the earlier."""
        name = f"eval_{self.args.metric_for_best_model}"
        entries = [entry for entry in self.state.log_history if name in entry]
        sign = -1 if self.args.greater_is_better else 1
        entries.sort(key=lambda entry: sign * entry[name])
        return [int(entry["step"]) for entry in entries]

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        is_best = super()._determine_best_metric(metrics, trial)
        step, ranked = self.state.global_step, self.ranked()
        if step in ranked[: self.stage.average]:
            self.control.should_save = True
        if self.stage.patience is not None:
            since = sum(one > ranked[0] for one in ranked)
            if since >= self.stage.patience:
                self.control.should_training_stop = self.control.should_save = True
        return is_best

    def kept(self) -> list[int]:
        """Steps whose checkpoints the stage's result is made of, best first; or the last ones."""
        there = checkpoints.complete(self.folder)
        ranked = [step for step in self.ranked() if step in there]
        return (ranked or there[::-1])[: self.stage.average]

    # -- checkpoints -------------------------------------------------------------------------

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Gather a checkpoint aside, and publish it once it is whole.

        Raises:
            UserError: there is no room for it on the disk.
        """
        step = self.state.global_step
        folder = checkpoints.staging(self.folder, step)
        if self.args.should_save:
            folder.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        with tells_full_disk(checkpoints.folder_of(self.folder, step)):
            self.save_model(str(folder), _internal_call=True)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            self._save_rng_state(str(folder))
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            self.state.save_to_json(str(folder / STATE))
            mark = {
                "step": step,
                "finished": self.control.should_training_stop,
                "seconds": self.seconds,
                "identity": self.identity,
            }
            checkpoints.publish(self.folder, step, mark)
            checkpoints.rotate(self.folder, keep={step, *self.kept()})

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        if self.args.should_save:
            there = checkpoints.complete(self.folder)
            earlier = checkpoints.pipeline_of(self.folder, there[-1]) if there else None
            self.model.save(Path(output_dir or self.folder), earlier)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        self.model.load(Path(resume_from_checkpoint))


class StageCallback(TrainerCallback):
    """Shows the progress, writes ``log.jsonl`` and tells the plugins."""

    def __init__(self, progress: bar) -> None:
        self.progress = progress

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.progress.begin(state.global_step, state.max_steps)
        if state.is_world_process_zero:
            write_text(
                Path(str(args.output_dir)) / "log.jsonl",
                "".join(json.dumps(entry) + "\n" for entry in state.log_history),
            )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.progress(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        assert logs is not None
        if "loss" in logs:
            self.progress.note = f"loss {logs['loss']:.3f}"
        if state.is_world_process_zero:
            with (Path(str(args.output_dir)) / "log.jsonl").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(state.log_history[-1]) + "\n")
            hooks().slp_step(stage=self.progress.title, step=state.global_step, logs=logs)
