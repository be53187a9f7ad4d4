"""Low-rank adaptation through peft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slp_core.errors import UserError, did_you_mean
from slp_llm.decoders.config import Lora


def add_lora(model: Any, config: Lora, where: str) -> None:
    """Put a low-rank update beside every linear layer that ``targets`` names.

    W x becomes W x + (alpha / rank) B A dropout(x), with B zero at first (Hu et al.,
    arXiv:2106.09685, equation 3). A and B are float32 whatever the dtype of W: in bfloat16, which
    holds three digits, most steps of training would be rounded away.

    Raises:
        UserError: a target names no linear layer.
    """
    from peft import LoraConfig
    from peft.functional import cast_adapter_dtype, inject_adapter_in_model
    from torch import nn
    from transformers.pytorch_utils import Conv1D  # GPT-2's linear layer, transposed

    linear = {n: part for n, part in model.named_modules() if isinstance(part, nn.Linear | Conv1D)}
    for target in config.targets:
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            hint = did_you_mean(target, {name.rpartition(".")[2] for name in linear})
            raise UserError(f'{where}.lora.targets: "{target}" names no linear layer{hint}')
    inject_adapter_in_model(
        LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=list(config.targets),
            fan_in_fan_out=any(isinstance(part, Conv1D) for part in linear.values()),
        ),
        model,
    )
    cast_adapter_dtype(model, "default")


@contextmanager
def without_lora(model: Any) -> Iterator[None]:
    """Inside, W x is W x again. What is trained stays so: peft freezes what it turns off."""
    if not any(".lora_" in name for name, _ in model.named_parameters()):
        yield
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    trained = {weight: weight.requires_grad for weight in model.parameters()}
    try:
        for layer in layers:
            layer.enable_adapters(False)
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
        for weight, was in trained.items():
            weight.requires_grad_(was)
