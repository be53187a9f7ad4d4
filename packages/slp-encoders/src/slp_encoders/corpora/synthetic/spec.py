"""Configuration of the synthetic corpus."""

from __future__ import annotations

from attrs import field, frozen, validators

from slp_core.spec import ComponentSpec, DataFacts
from slp_encoders.synthetic.lexicon import FEW_NAMES, MOST_NAMES


@frozen
class SyntheticConfig:
    samples: int = field(
        default=1000, validator=validators.ge(10), metadata={"help": "sentences of all splits"}
    )
    seed: int = field(
        default=0, validator=validators.ge(0), metadata={"help": "the corpus is a function of it"}
    )
    names: float = field(
        default=0.2,
        validator=[validators.ge(0), validators.lt(1)],
        metadata={"help": "share of sentences with a spelled name"},
    )
    distinct_names: int = field(
        default=FEW_NAMES,
        validator=[validators.ge(FEW_NAMES), validators.le(MOST_NAMES)],
        metadata={"help": "how many names there are"},
    )
    unseen_names: bool = field(
        default=False, metadata={"help": "validation and test spell names that training never does"}
    )
    video: bool = field(default=True, metadata={"help": "draw an mp4 for every sentence"})


SPEC = ComponentSpec(
    kind="corpus",
    config=SyntheticConfig,
    factory="slp_encoders.corpora.synthetic.importer:Synthetic",
    summary="A small made-up sign language, drawn by machine: no person signs in it",
    trial="slp_encoders.trials.corpora:synthetic",
    facts=DataFacts(consent="nobody was asked, for nobody signs: it is drawn by machine"),
)
