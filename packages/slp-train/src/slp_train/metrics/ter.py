"""Translation edit rate (Snover et al. 2006) through sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu import TER

from slp_core.errors import UserError
from slp_train.metrics.base import Array
from slp_train.metrics.sacre import SacreMetric
from slp_train.metrics.spec import TerConfig
from slp_train.metrics.text import is_unspaced, primary_language


class Ter(SacreMetric):
    """Edits and shifts of blocks over reference words; lower is better.

    Case counts unless ``lowercase`` is set (sacreBLEU's own default ignores it). Chinese and
    Japanese are normalised and split into characters.
    """

    name = "TER"
    higher_is_better = False

    def __init__(self, config: TerConfig = TerConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        self._characters = primary_language(config.language) in ("zh", "ja")
        scorer = TER(
            normalized=self._characters,
            asian_support=self._characters,
            case_sensitive=not config.lowercase,
        )
        super().__init__(config, scorer)

    def statistics(self, hypotheses: Sequence[str], references: Sequence[str]) -> Array:
        if not self._characters and is_unspaced(references):
            raise UserError(
                "TER: the references are Chinese or Japanese, and would be one word each; "
                'say the language ("zh", "ja")'
            )
        return super().statistics(hypotheses, references)
