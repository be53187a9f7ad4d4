"""What a recipe may write about CTC."""

from __future__ import annotations

from attrs import frozen

from slp_core.spec import ComponentSpec


@frozen
class CTCConfig:
    """``on`` names a part that reads by CTC, an expert or a decoder, or one inside a decoder
    ("decoder.first"); the column is the one that this part reads."""


SPEC = ComponentSpec(
    kind="objective",
    config=CTCConfig,
    factory="slp_fusion.objectives.ctc.model:CTC",
    summary="Words or letters in their order, wherever in the clip they are",
    paper="Graves et al., ICML 2006",
    trial="slp_fusion.trials:ctc",
)
