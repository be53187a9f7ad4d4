"""SignWriting drawn sign by sign, black on white, with the fonts of the signwriting package."""

from __future__ import annotations

import re
from functools import cache

from PIL import Image
from signwriting.formats.fsw_to_sign import fsw_to_sign
from signwriting.formats.fsw_to_swu import key2id, symbol_line
from signwriting.formats.swu import is_swu
from signwriting.formats.swu_to_fsw import swu2fsw
from signwriting.visualizer.visualize import get_font, signwriting_to_image

from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.processors.drawing import draws, stacked
from slp_encoders.processors.signwriting.spec import SignWritingConfig

_SYMBOL = "S[123][0-9a-f]{2}[0-5][0-9a-f]"
_PLACE = "[0-9]{3}x[0-9]{3}"
_SIGN = f"(A({_SYMBOL})+)?[BLMR]{_PLACE}({_SYMBOL}{_PLACE})+"  #: the order of symbols, box, symbols
_PUNCTUATION = f"S38[7-9ab][0-5][0-9a-f]{_PLACE}"
FSW = re.compile(f"{_SIGN}|{_PUNCTUATION}")


class SignWritingReader(Processor):
    """Signs in FSW (or SWU) with spaces between them to ``t 3 h w`` uint8, a picture a sign.

    FSW is Formal SignWriting in ASCII, ``M518x529S14c20481x471S27106503x489``. A sign keeps its
    drawn size and stands in the middle; only one larger than the picture is scaled down.
    """

    reads_files = False
    config: SignWritingConfig

    def read(self, clip: Clip) -> Signal:
        signs = clip.source.split()
        if not signs:
            raise SignalError("there are no signs")
        return Signal(stacked([self._draw(sign) for sign in signs]), float("nan"))

    def _draw(self, sign: str) -> Image.Image:
        fsw = swu2fsw(sign) if is_swu(sign) else sign
        if not FSW.fullmatch(fsw):
            raise SignalError(
                f"{sign!r} is no sign in Formal SignWriting, "
                "as M518x529S14c20481x471S27106503x489 is one"
            )
        for symbol in fsw_to_sign(fsw)["symbols"]:
            if not _has_glyph(symbol["symbol"]):
                raise SignalError(f"{sign!r}: SignWriting has no symbol {symbol['symbol']}")
        side = self.config.size
        drawn = signwriting_to_image(fsw, trust_box=False)  # RGBA, as large as its symbols
        drawn.thumbnail((side, side), Image.Resampling.LANCZOS)
        page = Image.new("L", (side, side), "white")
        page.paste(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2), drawn)
        return page


@cache
def _has_glyph(symbol: str) -> bool:
    return draws(get_font("SuttonSignWritingLine"), symbol_line(key2id(symbol)))
