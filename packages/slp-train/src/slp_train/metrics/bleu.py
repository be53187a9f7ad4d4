"""BLEU (Papineni et al. 2002, P02-1040) through sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu import BLEU

from slp_core.errors import UserError
from slp_train.metrics.base import Array
from slp_train.metrics.sacre import SacreMetric
from slp_train.metrics.spec import BleuConfig
from slp_train.metrics.text import is_unspaced, primary_language

_TOKENIZER_OF = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
_NAMES = {"zh": "Chinese", "ja": "Japanese"}
_SPLIT_AT_SPACES = ("13a", "intl")


class Bleu(SacreMetric):
    """BLEU-``order``: brevity penalty times the geometric mean of 1- to ``order``-gram precision.

    The tokenizer follows the language: ``zh`` for Chinese, ``ja-mecab`` and ``ko-mecab`` for
    Japanese and Korean, ``13a`` for all others.

    Raises:
        UserError: the tokenizer takes a Chinese or Japanese sentence for one word, or is not
            installed.
    """

    def __init__(self, config: BleuConfig = BleuConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        language = primary_language(config.language)
        self.tokenize = config.tokenize or _TOKENIZER_OF.get(language, "13a")
        if language in _NAMES and self.tokenize in _SPLIT_AT_SPACES:
            raise UserError(
                f'BLEU: tokenize = "{self.tokenize}" takes a {_NAMES[language]} sentence for one '
                f'word; use "{_TOKENIZER_OF[language]}" or "char"'
            )
        super().__init__(config, _scorer(config, self.tokenize))
        self.name = f"BLEU-{config.order}"

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        if self.tokenize in _SPLIT_AT_SPACES and is_unspaced(references):
            raise UserError(
                f'BLEU: the references are Chinese or Japanese, which tokenize = "{self.tokenize}" '
                'does not split; say the language ("zh", "ja")'
            )
        return super().statistics(hypotheses, references)


def _scorer(config: BleuConfig, tokenize: str) -> BLEU:
    try:
        return BLEU(
            lowercase=config.lowercase,
            tokenize=tokenize,
            max_ngram_order=config.order,
            force=True,  # no advice about detached full stops, which corpora of signing have
        )
    except RuntimeError as error:  # what sacreBLEU raises where MeCab is missing
        if not tokenize.endswith("-mecab"):
            raise
        extra = tokenize.removesuffix("-mecab")
        raise UserError(
            f'BLEU: tokenize = "{tokenize}" needs MeCab; install "sacrebleu[{extra}]", '
            'or choose tokenize = "char"'
        ) from error
