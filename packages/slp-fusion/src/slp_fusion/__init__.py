"""Mappers, fusions and alignment objectives. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes

_HOME = {
    "CNNConfig": "mappers.cnn.spec",
    "CNNMapper": "mappers.cnn.model",
    "ConcatConfig": "fusions.concat.spec",
    "ConcatFusion": "fusions.concat.model",
    "GRUConfig": "mappers.gru.spec",
    "GRUMapper": "mappers.gru.model",
    "LinearConfig": "mappers.linear.spec",
    "LinearMapper": "mappers.linear.model",
    "MLPConfig": "mappers.mlp.spec",
    "MLPMapper": "mappers.mlp.model",
    "SegmentsConfig": "mappers.segments.spec",
    "SegmentsMapper": "mappers.segments.model",
}
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
