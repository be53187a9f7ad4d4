"""Mappers, fusions and alignment objectives. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes, homes

_HOME = homes(__file__)
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
