"""What the processors that draw share: a white page, and whether a font has a glyph."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont

NO_CHARACTER = "\U0010ffff"  #: no font has a glyph for it: shows what a font draws for want of one


@lru_cache(maxsize=256)
def font_of(file: str, size: int, shaping: bool = False) -> ImageFont.FreeTypeFont:
    """A font at a size, in memory: processes forked later would share an open file's position.

    ``shaping``: letters join and marks are placed as their script wants, which needs libraqm.

    Raises:
        OSError: the file cannot be read or is no font.
    """
    layout = ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC
    return ImageFont.truetype(io.BytesIO(Path(file).read_bytes()), size, layout_engine=layout)


def draws(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """Whether the font has ink of its own for a character."""
    ours, none = font.getmask(character), font.getmask(NO_CHARACTER)
    return ours.getbbox() is not None and (ours.size, bytes(ours)) != (none.size, bytes(none))


def stacked(pages: Iterable[Image.Image]) -> np.ndarray:
    """Grey pictures ``h w`` to ``t 3 h w`` uint8."""
    grey = np.stack([np.asarray(page) for page in pages])  # (t, h, w)
    return np.repeat(grey[:, None], 3, axis=1)  # (t, c, h, w)
