"""Configuration of the CSL-Daily importer."""

from __future__ import annotations

from attrs import field, frozen

from slp_core.spec import ComponentSpec, DataFacts


@frozen
class CSLDailyConfig:
    source: str = field(metadata={"help": "the folder of the official release"})
    frames: str = field(
        default="sentence/frames_512x512",
        metadata={"help": "folder of the frames, one folder of images a sentence"},
    )


SPEC = ComponentSpec(
    kind="corpus",
    config=CSLDailyConfig,
    factory="slp_encoders.corpora.csl_daily.importer:CSLDaily",
    summary="CSL-Daily: Chinese Sign Language of daily life",
    paper="arXiv:2105.12397",
    example={"source": "CSL-Daily"},
    facts=DataFacts(
        domain="daily life",
        signers="ten signers in a laboratory, who sign sentences that were written first",
    ),
)
