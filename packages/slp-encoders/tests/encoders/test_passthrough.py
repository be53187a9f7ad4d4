"""Poses and stored features stay as they are, and as wide as declared."""

from typing import Any

import pytest
import torch

from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_core.tensortype import Size, TensorType, TypeMismatch
from slp_encoders.encoders.features.spec import SPEC as FEATURES
from slp_encoders.encoders.features.spec import FeaturesEncoderConfig
from slp_encoders.encoders.pose.spec import SPEC as POSE
from slp_encoders.encoders.pose.spec import PoseEncoderConfig

BOTH = pytest.mark.parametrize(
    ("spec", "config", "modality"),
    [(POSE, PoseEncoderConfig, "pose"), (FEATURES, FeaturesEncoderConfig, "features")],
)


@BOTH
def test_nothing_changes(spec: Any, config: Any, modality: str) -> None:
    inputs = Sequence.pad([torch.randn(5, 8), torch.randn(3, 8)], [25.0, 50.0])
    part = spec.load()(config(dim=8))
    assert part(inputs) is inputs and not list(part.parameters()) and part.sizes() == {}
    assert spec.load()(config())(inputs) is inputs
    with pytest.raises(UserError, match=r"dim = 9 is declared.* 8 wide"):
        spec.load()(config(dim=9))(inputs)


@BOTH
def test_types(spec: Any, config: Any, modality: str) -> None:
    width = Size(534, "width", "streams.a.processor")
    inputs = TensorType("b t d", {"d": width}, modality=modality)
    output = spec.signature(config(), inputs)
    assert output["d"] == 534 and output.modality is None and output.rate == inputs.rate
    assert spec.signature(config(dim=534), inputs)["d"] == 534
    with pytest.raises(TypeMismatch, match=r"534 \(`streams.a.processor.width`\).* 178 .*`dim`"):
        spec.signature(config(dim=178), inputs)
    with pytest.raises(TypeMismatch, match="gives video"):
        spec.signature(config(), inputs.to(modality="video"))
    unknown = TensorType("b t d", modality=modality)
    spec.signature(config(dim=7), unknown)
    assert unknown.known("d") == 7
