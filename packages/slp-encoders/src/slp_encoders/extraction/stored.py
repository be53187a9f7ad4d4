"""Encoded clips in the place of clips that are encoded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.errors import UserError
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.extraction.keys import Encoding

if TYPE_CHECKING:
    from slp_encoders.extraction.store import FeatureCache


class StoredFeatures(Processor):
    """Reads a clip's features ``t d`` float32 from the cache. Encodes nothing."""

    def __init__(self, store: FeatureCache, encoding: Encoding) -> None:
        super().__init__(encoding)
        self.store, self.encoding = store, encoding

    def files(self, clip: Clip) -> list[Path]:
        return self.encoding.files(clip)

    def read(self, clip: Clip) -> Signal:
        key = self._key(clip)
        try:
            values = self.store.read(key).float().numpy()
        except UserError as error:
            raise SignalError(str(error)) from error
        return Signal(values, self._rate(key), encoded=True)

    def probe(self, clip: Clip) -> int:
        return self.store.record(self._key(clip)).steps

    def _key(self, clip: Clip) -> str:
        key = self.encoding.key(clip)
        if key not in self.store:
            raise SignalError(
                f"{clip.source}: {self.store.folder} holds no features of it by this encoder; "
                "run `slp extract`"
            )
        return key

    def _rate(self, key: str) -> float:
        rate = self.store.record(key).rate
        return float("nan") if rate is None else rate
