"""Words drawn black on white, as MultimodalHugs draws Hebrew (arXiv:2509.09729)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from shutil import copyfile

from bidi.algorithm import get_display  # mirrors brackets, which bidi.get_display does not
from PIL import Image, ImageDraw, ImageFont, features

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.files import whole_file
from slp_core.signals import Clip, Processor, Signal, SignalError
from slp_encoders.processors.drawing import draws, font_of, stacked
from slp_encoders.processors.pixel_text.spec import PixelTextConfig

WORDS = re.compile(r"""[.,?!”":;]+|[^\s.,?!”":;]+""")  #: runs of punctuation, and the rest
LEAST = 4  #: pixels: the smallest letters that can be told apart
FONT = "font.ttf"  #: the font as it is kept with a pipeline
DEJAVU = "fonts/ttf/DejaVuSans.ttf"  #: in matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic


class PixelTextReader(Processor):
    """A text to ``t 3 h w`` uint8: a picture a word or run of punctuation, its middle centred.

    Scripts that need no shaping are laid out by the Unicode bidirectional algorithm alone and
    look the same on every machine; joined letters (Arabic) and combining marks need libraqm.
    """

    reads_files = False
    config: PixelTextConfig

    def __init__(self, config: PixelTextConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        where = f"{context.path or 'pixel-text'}: font"
        if context.assets is not None:
            self.font = str(context.assets / FONT)
        else:
            self.font = config.font or _matplotlib_font(where)
        try:
            font_of(self.font, config.font_size)
        except OSError as error:
            raise UserError(f"{where}: {self.font} is no font that can be read: {error}") from error

    def read(self, clip: Clip) -> Signal:
        text = unicodedata.normalize("NFC", clip.source)
        words = [word for word in WORDS.findall(text) if any(map(_visible, word))]
        if not words:
            raise SignalError("the text is empty")
        return Signal(stacked([self._draw(word) for word in words]), float("nan"))

    def save_assets(self, folder: Path) -> None:
        with whole_file(folder / FONT) as beside:
            copyfile(self.font, beside)

    def _draw(self, word: str) -> Image.Image:
        shaping = any(map(_needs_shaping, word))
        if shaping and not features.check("raqm"):
            raise SignalError(
                f"{word!r} needs its letters shaped, for which Pillow needs libraqm and FriBiDi; "
                "install the system's libfribidi"
            )
        for character in filter(_visible, word):
            if not _has_glyph(self.font, self.config.font_size, character):
                raise SignalError(
                    f"the font {self.font} lacks {character!r} (U+{ord(character):04X}, "
                    f"{unicodedata.name(character, 'unnamed')}); write `font`, a file that has it"
                )
        if not shaping:  # libraqm orders the letters itself
            word = "".join(filter(_visible, get_display(word)))
        side = self.config.size
        page = Image.new("L", (side, side), "white")
        font = self._fitting(word, shaping)
        ImageDraw.Draw(page).text((side / 2, side / 2), word, "black", font, anchor="mm")
        return page

    def _fitting(self, word: str, shaping: bool) -> ImageFont.FreeTypeFont:
        """The font at its size, or the largest smaller one at which the word fits the picture."""
        size = self.config.font_size
        while size >= LEAST:
            font = font_of(self.font, size, shaping)
            left, top, right, bottom = font.getbbox(word, anchor="mm")
            if 2 * max(-left, right, -top, bottom) <= self.config.size:
                return font
            size -= 1
        raise SignalError(
            f"{word[:20]!r}... is too long, {len(word)} letters, to be read in a picture of "
            f"{self.config.size} pixels"
        )


@lru_cache(maxsize=2**16)
def _has_glyph(font: str, size: int, character: str) -> bool:
    return draws(font_of(font, size), character)


def _visible(character: str) -> bool:
    """Not a control or format character (direction marks, joiners)."""
    return unicodedata.category(character) not in ("Cc", "Cf")


def _needs_shaping(character: str) -> bool:
    """Joined letters as the Arabic, or a mark that stands over, under or around another."""
    return unicodedata.bidirectional(character) == "AL" or unicodedata.category(character)[0] == "M"


def _matplotlib_font(where: str) -> str:
    try:
        from matplotlib import get_data_path
    except ImportError as error:
        raise UserError(
            f"{where}: none is written, and matplotlib, which brings one, is not installed; "
            'write font = "..." or install slp-encoders[pixel-text]'
        ) from error
    return str(Path(get_data_path()) / DEJAVU)
