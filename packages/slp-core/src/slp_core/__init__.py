"""Contracts, registry, recipes and the pipeline. Importing this imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Batch": "batch",
    "Clip": "signals",
    "ComponentSpec": "spec",
    "Context": "context",
    "Decoder": "parts",
    "Encoder": "parts",
    "Fusion": "parts",
    "Manifest": "manifest",
    "Mapper": "parts",
    "Objective": "parts",
    "Part": "parts",
    "Pipeline": "pipeline",
    "Processor": "signals",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "Row": "manifest",
    "Sample": "batch",
    "Sequence": "sequence",
    "Signal": "signals",
    "SignalError": "signals",
    "TensorType": "tensortype",
    "Tokenizer": "parts",
    "Tokens": "batch",
    "Translation": "parts",
    "UserError": "errors",
    "read_manifest": "manifest",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
