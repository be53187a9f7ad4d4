"""Configuration of the How2Sign importer."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from slp_core.spec import ComponentSpec, DataFacts


@frozen
class How2SignConfig:
    source: str = field(metadata={"help": "the folder of the official release"})
    clips: Literal["sentences", "videos"] = field(
        default="sentences",
        metadata={"help": "clips cut by sentence, or whole videos with start and end"},
    )
    videos: str = field(
        default="{split}_rgb_front_clips/raw_videos",
        metadata={"help": "folder of the mp4 files; {split} is train, val or test"},
    )
    table: str = field(
        default="how2sign_realigned_{split}.csv",
        metadata={"help": "the annotation, delimited by tabs; {split} as above"},
    )


SPEC = ComponentSpec(
    kind="corpus",
    config=How2SignConfig,
    factory="slp_encoders.corpora.how2sign.importer:How2Sign",
    summary="How2Sign: American Sign Language instruction videos",
    paper="arXiv:2008.08143",
    example={"source": "How2Sign"},
    facts=DataFacts(
        domain="instructional videos",
        signers="eleven signers in a studio, who translate from English",
    ),
)
