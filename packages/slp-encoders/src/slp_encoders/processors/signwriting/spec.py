"""The ``signwriting`` processor: a field of the manifest as pictures of its signs."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class SignWritingConfig:
    size: int = field(
        default=224,
        validator=ge(8),
        metadata={"help": "pixels a side; signs too large for it are scaled down"},
    )


def signature(config: SignWritingConfig, signal: str) -> TensorType:
    size = Size(config.size, "size")
    sizes = {"c": Size(3), "h": size, "w": size}
    return TensorType("b t c h w", sizes, dtype="uint8", rate=None, modality="signwriting")


SPEC = ComponentSpec(
    kind="processor",
    config=SignWritingConfig,
    signature=signature,
    factory="slp_encoders.processors.signwriting.reader:SignWritingReader",
    summary="Formal SignWriting as pictures of its signs",
    paper="arXiv:2509.09729",
    trial="slp_encoders.trials.processors:signwriting",
)
