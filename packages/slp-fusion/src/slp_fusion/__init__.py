"""Mappers, fusions and alignment objectives. Importing this imports nothing heavy."""

from __future__ import annotations

from slp_core.lazy import attributes

_HOME = {
    "AdaptiveGate": "fusions.adaptive_gate.model",
    "AdaptiveGateConfig": "fusions.adaptive_gate.spec",
    "CNNConfig": "mappers.cnn.spec",
    "CNNMapper": "mappers.cnn.model",
    "CRA": "mappers.cra.model",
    "CRAConfig": "mappers.cra.spec",
    "CTC": "objectives.ctc.model",
    "CTCConfig": "objectives.ctc.spec",
    "CTCExpert": "mappers.ctc_expert.model",
    "CTCExpertConfig": "mappers.ctc_expert.spec",
    "ConcatConfig": "fusions.concat.spec",
    "ConcatFusion": "fusions.concat.model",
    "Contrastive": "objectives.contrastive.model",
    "ContrastiveConfig": "objectives.contrastive.spec",
    "CrossAttention": "fusions.cross_attention.model",
    "CrossAttentionConfig": "fusions.cross_attention.spec",
    "GRUConfig": "mappers.gru.spec",
    "GRUMapper": "mappers.gru.model",
    "GateConfig": "fusions.adaptive_gate.spec",
    "LinearConfig": "mappers.linear.spec",
    "LinearMapper": "mappers.linear.model",
    "MLPConfig": "mappers.mlp.spec",
    "MLPMapper": "mappers.mlp.model",
    "MMD": "objectives.mmd.model",
    "MMDConfig": "objectives.mmd.spec",
    "Regression": "objectives.regression.model",
    "RegressionConfig": "objectives.regression.spec",
    "Route": "objectives.route.model",
    "RouteConfig": "objectives.route.spec",
    "RouterConfig": "fusions.config",
    "SegmentsConfig": "mappers.segments.spec",
    "SegmentsMapper": "mappers.segments.model",
    "SignAdapter": "mappers.sign_adapter.model",
    "SignAdapterConfig": "mappers.sign_adapter.spec",
    "TransformerConfig": "mappers.transformer.spec",
    "TransformerMapper": "mappers.transformer.model",
}
__all__ = sorted(_HOME)
__getattr__ = attributes(__name__, _HOME)
