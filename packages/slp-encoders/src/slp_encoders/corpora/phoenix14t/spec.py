"""Configuration of the PHOENIX-2014T importer."""

from __future__ import annotations

from attrs import field, frozen

from slp_core.spec import ComponentSpec, DataFacts


@frozen
class PhoenixConfig:
    source: str = field(metadata={"help": "the folder PHOENIX-2014-T of the official release"})
    frames: str = field(
        default="features/fullFrame-210x260px",
        metadata={"help": "folder of the frames, one folder of images a sentence"},
    )


SPEC = ComponentSpec(
    kind="corpus",
    config=PhoenixConfig,
    factory="slp_encoders.corpora.phoenix14t.importer:Phoenix14T",
    summary="RWTH-PHOENIX-Weather 2014T: German Sign Language weather forecasts",
    paper="Camgoz et al., CVPR 2018",
    example={"source": "PHOENIX-2014-T"},
    facts=DataFacts(
        domain="weather forecasts",
        signers="nine hearing interpreters of a public broadcaster, who interpret speech live",
    ),
)
