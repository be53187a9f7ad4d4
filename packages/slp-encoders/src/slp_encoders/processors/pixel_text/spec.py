"""The ``pixel-text`` processor: a field of the manifest as pictures of its words."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge

from slp_core.spec import ComponentSpec
from slp_core.tensortype import Size, TensorType


@frozen
class PixelTextConfig:
    size: int = field(default=224, validator=ge(8), metadata={"help": "pixels a side"})
    font_size: int = field(
        default=48,
        validator=ge(4),
        metadata={"help": "pixels; words too wide for the picture are drawn smaller"},
    )
    font: str | None = field(
        default=None,
        metadata={"help": "a TrueType or OpenType file; left out: matplotlib's DejaVu Sans"},
    )


def signature(config: PixelTextConfig, signal: str) -> TensorType:
    size = Size(config.size, "size")
    sizes = {"c": Size(3), "h": size, "w": size}
    return TensorType("b t c h w", sizes, dtype="uint8", rate=None, modality="pixel-text")


SPEC = ComponentSpec(
    kind="processor",
    config=PixelTextConfig,
    signature=signature,
    factory="slp_encoders.processors.pixel_text.reader:PixelTextReader",
    summary="text as pictures of its words, right-to-left scripts included",
    paper="arXiv:2509.09729",
)
