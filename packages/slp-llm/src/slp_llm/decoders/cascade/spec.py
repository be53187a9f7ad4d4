"""What a recipe may write about a cascade of two decoders."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import and_, ge, le, lt

from slp_core.inner import Inner
from slp_core.spec import ComponentSpec
from slp_core.tensortype import TensorType
from slp_llm.decoders.ctc.spec import CTCDecoderConfig

_RATE = and_(ge(0.0), le(1.0))


@frozen
class Noise:
    """Errors made in the glosses that the language model learns from, each a share of the glosses
    that are there: as an expert makes them, measured by ``error_rates``."""

    drop: float = field(
        default=0.0, validator=_RATE, metadata={"help": "share of glosses left out"}
    )
    substitute: float = field(
        default=0.0,
        validator=_RATE,
        metadata={"help": "share of glosses that become another of those `first` knows"},
    )
    insert: float = field(
        default=0.0,
        validator=and_(ge(0.0), lt(1.0)),
        metadata={"help": "share of glosses that get another one before or behind them"},
    )

    def __attrs_post_init__(self) -> None:
        if self.drop + self.substitute > 1:
            raise ValueError("noise: drop and substitute are more than 1 together")


@frozen
class CascadeConfig:
    """Two decoders, one behind the other."""

    first: Inner = field(
        metadata={
            "part": "decoder",
            "use": "ctc",
            "help": 'what reads a column off the signs: { target = "pseudo_gloss", beams = 5 }',
        }
    )
    then: Inner = field(
        metadata={
            "part": "decoder",
            "help": 'what translates that text: { use = "causal-lm", model = "..." }; the text '
            "stands where signs would",
        }
    )
    noise: Noise = field(
        factory=Noise, metadata={"help": "errors in the glosses that `then` learns from"}
    )
    lower: bool = field(default=False, metadata={"help": "`then` reads the glosses in lower case"})

    def __attrs_post_init__(self) -> None:
        if isinstance(self.first.config, CTCDecoderConfig) and self.first.config.target is None:
            raise ValueError("first: `target` is missing: the column that it reads off the signs")
        if getattr(self.then.config, "scale_inputs", False):
            raise ValueError("then: scale_inputs is for signs; glosses are embedded as tokens are")


def signature(config: CascadeConfig, inputs: TensorType) -> TensorType:
    """What ``first`` reads, to text."""
    first = config.first.spec.signature
    assert first is not None, f"{config.first.name} has no signature"
    return first(config.first.config, inputs)


SPEC = ComponentSpec(
    kind="decoder",
    config=CascadeConfig,
    signature=signature,
    factory="slp_llm.decoders.cascade.model:Cascade",
    summary="Signs to glosses by CTC, glosses to text by a language model",
    paper="arXiv:2509.00030",
    example={
        "first": {"target": "pseudo_gloss"},
        "then": {"use": "causal-lm", "model": "Qwen/Qwen2.5-0.5B"},
    },
    trial="slp_llm.trials:cascade",
)
