"""Configuration of the MultimodalHugs importer."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec


@frozen
class MultimodalHugsConfig:
    source: str = field(metadata={"help": "folder with the three tables"})
    signal: str = field(
        default="pose",
        validator=validators.min_len(1),
        metadata={"help": "what the column `signal` holds: pose, video, features, ..."},
    )
    train: str = field(default="train.tsv", metadata={"help": "table of the training split"})
    validation: str = field(default="dev.tsv", metadata={"help": "table of the validation split"})
    test: str = field(default="test.tsv", metadata={"help": "table of the test split"})


SPEC = ComponentSpec(
    kind="corpus",
    config=MultimodalHugsConfig,
    factory="slp_encoders.corpora.multimodalhugs.importer:MultimodalHugs",
    summary="MultimodalHugs tables, with our column names",
    paper="arXiv:2509.09729",
    example={"source": "tables"},
)
