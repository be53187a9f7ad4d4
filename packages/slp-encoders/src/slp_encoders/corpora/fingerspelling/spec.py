"""Configuration of the fingerspelling importer."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec


@frozen
class JoinConfig:
    """Words joined from the clips of single letters."""

    words: int = field(
        default=2000, validator=validators.ge(1), metadata={"help": "words trained on"}
    )
    test_words: int = field(
        default=200,
        validator=validators.ge(1),
        metadata={"help": "words tested on, and as many validated on"},
    )
    shortest: int = field(
        default=3, validator=validators.ge(1), metadata={"help": "letters of a word, at least"}
    )
    longest: int = field(default=8, metadata={"help": "letters of a word, at most"})
    tempo: float = field(
        default=2.5,
        validator=[validators.gt(0), validators.le(10)],
        metadata={"help": "letters a second, on average"},
    )
    seed: int = field(
        default=0, validator=validators.ge(0), metadata={"help": "the words are a function of it"}
    )

    def __attrs_post_init__(self) -> None:
        if self.longest < self.shortest:
            raise ValueError(f"longest is {self.longest}, shortest is {self.shortest}")


@frozen
class FingerspellingConfig:
    source: str = field(metadata={"help": "folder with index.tsv and the poses it names"})
    hold_out: str = field(
        validator=validators.min_len(1),
        metadata={"help": "the language that is tested on; the others are trained on"},
    )
    validation: str | None = field(
        default=None,
        metadata={"help": "a language that is validated on, instead of trained on"},
    )
    join: JoinConfig | None = field(
        default=None, metadata={"help": "spell random words, instead of single letters"}
    )

    def __attrs_post_init__(self) -> None:
        if self.validation == self.hold_out:
            raise ValueError(f'validation and hold_out are both "{self.hold_out}"')


SPEC = ComponentSpec(
    kind="corpus",
    config=FingerspellingConfig,
    factory="slp_encoders.corpora.fingerspelling.importer:Fingerspelling",
    summary="Poses of spelled letters, or of words joined from them; one language held out",
    example={"source": "fingerspelling", "hold_out": "en"},
)
