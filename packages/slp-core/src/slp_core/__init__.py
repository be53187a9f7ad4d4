"""Contracts, registry, recipes and the pipeline. Importing this imports no torch."""

from __future__ import annotations

from slp_core.lazy import attributes

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
__getattr__ = attributes(__name__, _HOME)
