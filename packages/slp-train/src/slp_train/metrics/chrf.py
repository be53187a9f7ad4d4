"""chrF (Popović 2015, W15-3049) and chrF++ (Popović 2017, W17-4770) through sacreBLEU."""

from __future__ import annotations

from sacrebleu import CHRF

from slp_train.metrics.sacre import SacreMetric
from slp_train.metrics.spec import ChrfConfig


class Chrf(SacreMetric):
    """F2 of character n-grams up to 6 and word n-grams up to ``word_order`` (chrF++: 2).

    Words are split at spaces: in Chinese and Japanese chrF++ says little that chrF does not.
    """

    def __init__(self, config: ChrfConfig = ChrfConfig(), context: object = None) -> None:  # noqa: B008 (frozen)
        super().__init__(config, CHRF(word_order=config.word_order, lowercase=config.lowercase))
        self.name = "chrF" + "+" * config.word_order
