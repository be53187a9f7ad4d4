"""Checkpoints of Hugging Face transformers: read strictly, and saved whole enough to open again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.image_processing_base import ImageProcessingMixin

from slp_core.errors import UserError
from slp_core.files import write_text
from slp_encoders.hub import loading

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
#: For parts that are never shown a picture (``Context.meta``).
NO_COLOURS: dict[str, Any] = {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]}


def read_network(kind: Any, source: str, config: Any, title: str, where: str) -> tuple[Any, Any]:
    """A network with the weights of ``source``, and the report for :func:`refuse_other_weights`.

    Raises:
        UserError: the checkpoint cannot be read.
    """
    with loading(title, source, where):
        return kind.from_pretrained(
            source,
            config=config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are refused in the user's words
            output_loading_info=True,
        )


def refuse_other_weights(
    network: Any, report: dict[str, Any], reader: str, where: str, model: str
) -> None:
    """Raise a UserError if the checkpoint ``model`` has not the very weights that ``reader`` needs.

    Its other halves (a text model, a classifier, the decoder of pre-training) are left aside."""
    halves, prefix = (network, network.base_model), f"{network.base_model_prefix}."
    own = {name for half in halves for name, _ in half.named_children()}
    left = [name.removeprefix(prefix) for name in report["unexpected_keys"]]
    problems = {
        f"lacks weights that {reader} needs": report["missing_keys"],
        "has weights of another shape than its config.json says": [
            name for name, *_ in report["mismatched_keys"]
        ],
        "has weights that its config.json does not tell of": [
            name for name in left if name.split(".")[0] in own
        ],
    }
    for what, weights in problems.items():
        if weights:
            raise UserError(f"{where}: {model} {what}: {', '.join(sorted(weights)[:3])}")


def read_preprocessor(source: str) -> dict[str, Any]:
    """How the pictures were prepared that the network was trained on."""
    return ImageProcessingMixin.get_image_processor_dict(source)[0]


def save_preprocessor(folder: Path, preprocessor: dict[str, Any]) -> None:
    write_text(folder / PREPROCESSOR, json.dumps(preprocessor, indent=2) + "\n")


def register_colours(module: nn.Module, preprocessor: dict[str, Any]) -> None:
    """Give a module the buffers ``mean`` and ``std``, ``c 1 1``: of colours from 0 to 1."""
    for name in ("mean", "std"):
        channels = torch.tensor(preprocessor[f"image_{name}"])
        module.register_buffer(name, channels.view(3, 1, 1), persistent=False)
