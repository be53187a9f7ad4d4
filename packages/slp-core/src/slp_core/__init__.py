"""Contracts, registry, recipes and the pipeline. Importing this imports no torch."""

from __future__ import annotations

from slp_core.lazy import attributes, homes

_HOME = homes(__file__)
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
