"""What each metric is called and configured by."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from attrs.validators import ge, in_, optional

from slp_core.spec import ComponentSpec

#: sacreBLEU's tokenizers that need no download.
TOKENIZERS = ("13a", "char", "intl", "ja-mecab", "ko-mecab", "none", "zh")

_ORDER = {"help": "longest n-gram, in words"}
_WORDS = {"help": "longest n-gram of words beside those of characters; 0: none"}
_LANGUAGE = {"help": 'of the references, as "de" or "zh"'}
_TOKENIZE = {"help": "sacreBLEU's tokenizer; left out: the language's"}
_LOWERCASE = {"help": "capitals are taken for small letters"}


@frozen
class BleuConfig:
    """``language`` chooses the tokenizer unless ``tokenize`` names one of sacreBLEU's."""

    order: int = field(default=4, validator=in_(range(1, 5)), metadata=_ORDER)
    language: str | None = field(default=None, metadata=_LANGUAGE)
    tokenize: str | None = field(
        default=None, validator=optional(in_(TOKENIZERS)), metadata=_TOKENIZE
    )
    lowercase: bool = field(default=False, metadata=_LOWERCASE)


@frozen
class Bleu1Config(BleuConfig):
    """BLEU of single words."""

    order: int = field(default=1, validator=in_([1]), metadata=_ORDER)


@frozen
class Bleu2Config(BleuConfig):
    """BLEU up to word pairs."""

    order: int = field(default=2, validator=in_([2]), metadata=_ORDER)


@frozen
class Bleu3Config(BleuConfig):
    """BLEU up to word triples."""

    order: int = field(default=3, validator=in_([3]), metadata=_ORDER)


@frozen
class ChrfConfig:
    """Character n-grams up to 6, and word n-grams up to ``word_order``."""

    word_order: int = field(default=0, validator=ge(0), metadata=_WORDS)
    lowercase: bool = field(default=False, metadata=_LOWERCASE)


@frozen
class ChrfPlusPlusConfig(ChrfConfig):
    """chrF with words and word pairs."""

    word_order: int = field(default=2, validator=ge(0), metadata=_WORDS)


@frozen
class TerConfig:
    """``language``: Chinese and Japanese are split into characters."""

    language: str | None = field(default=None, metadata=_LANGUAGE)
    lowercase: bool = field(default=False, metadata=_LOWERCASE)


@frozen
class RougeConfig:
    """ROUGE lower-cases by definition; ``lowercase = false`` keeps case apart."""

    lowercase: bool = field(default=True, metadata=_LOWERCASE)


@frozen
class RougeCocoConfig:
    """Text is taken as it is unless ``lowercase`` is set."""

    lowercase: bool = field(default=False, metadata=_LOWERCASE)


@frozen
class RougeGoogleConfig:
    """``stemmer``: Porter's, for English."""

    stemmer: bool = field(default=False, metadata={"help": "Porter's, for English"})


@frozen
class EditConfig:
    """Text is taken as it is unless ``lowercase`` is set."""

    lowercase: bool = field(default=False, metadata=_LOWERCASE)


def _metric(config: type, factory: str, summary: str, **more: Any) -> ComponentSpec:
    return ComponentSpec(
        kind="metric",
        config=config,
        factory=f"slp_train.metrics.{factory}",
        summary=summary,
        **more,
    )


BLEU = _metric(BleuConfig, "bleu:Bleu", "sacreBLEU's BLEU of order 1 to 4", paper="P02-1040")
BLEU_1 = _metric(Bleu1Config, "bleu:Bleu", "sacreBLEU's BLEU-1", paper="P02-1040")
BLEU_2 = _metric(Bleu2Config, "bleu:Bleu", "sacreBLEU's BLEU-2", paper="P02-1040")
BLEU_3 = _metric(Bleu3Config, "bleu:Bleu", "sacreBLEU's BLEU-3", paper="P02-1040")
CHRF = _metric(ChrfConfig, "chrf:Chrf", "character F-score", paper="W15-3049")
CHRF_PLUS_PLUS = _metric(
    ChrfPlusPlusConfig, "chrf:Chrf", "character and word F-score", paper="W17-4770"
)
TER = _metric(TerConfig, "ter:Ter", "translation edit rate")
ROUGE = _metric(RougeConfig, "rouge:RougeL", "ROUGE-L F1 on words of any script", paper="W04-1013")
ROUGE_L_COCO = _metric(RougeCocoConfig, "rouge:RougeLCoco", "ROUGE-L as in the COCO captions' code")
ROUGE_L_GOOGLE = _metric(
    RougeGoogleConfig, "rouge:RougeLGoogle", "ROUGE-L of the rouge_score package (English)"
)
WER = _metric(EditConfig, "edit:WordErrorRate", "word error rate")
TOKEN_ERROR_RATE = _metric(
    EditConfig, "edit:TokenErrorRate", "error rate over words, signs and punctuation"
)
LETTER_ACCURACY = _metric(EditConfig, "edit:LetterAccuracy", "one minus the letter error rate")
