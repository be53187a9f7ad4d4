"""Configuration of the fingerspelling importer."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec


@frozen
class FingerspellingConfig:
    source: str = field(metadata={"help": "folder with index.tsv and the poses it names"})
    hold_out: str = field(
        validator=validators.min_len(1),
        metadata={"help": "the language that is tested on; the others are trained on"},
    )


SPEC = ComponentSpec(
    kind="corpus",
    config=FingerspellingConfig,
    factory="slp_encoders.corpora.fingerspelling.importer:Fingerspelling",
    summary="Poses of spelled letters in several languages, one held out",
)
