"""Drawn words, read back letter by letter."""

import pickle
import shutil
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import features

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.signals import Clip, SignalError
from slp_encoders.processors.pixel_text import reader as module
from slp_encoders.processors.pixel_text.reader import PixelTextReader
from slp_encoders.processors.pixel_text.spec import SPEC, PixelTextConfig

needs_raqm = pytest.mark.skipif(not features.check("raqm"), reason="Pillow lacks libraqm")
HEBREW = "אבגדהוזחטיכךלמםנןסעפףצץקרשת"


def drawn(text: str, **config: Any) -> np.ndarray:
    """The pictures of a text, ``t h w``, ink as 1 and paper as 0."""
    signal = PixelTextReader(PixelTextConfig(**config)).read(Clip(text))
    values = signal.values
    assert values.dtype == np.uint8 and values.shape[1] == 3 and np.isnan(signal.rate)
    assert (values == values[:, :1]).all()
    return 1 - values[:, 0] / 255


def letters(picture: np.ndarray) -> list[np.ndarray]:
    """What stands between empty columns, from left to right, cropped to its columns."""
    ink = np.pad((picture > 0.1).any(0), 1).astype(int)
    starts, ends = np.flatnonzero(np.diff(ink) == 1), np.flatnonzero(np.diff(ink) == -1)
    return [picture[:, start:end] for start, end in zip(starts, ends, strict=True)]


@cache
def alone(character: str) -> np.ndarray:
    (letter,) = letters(drawn(character)[0])
    return letter


def nearest(letter: np.ndarray, alphabet: str) -> str:
    """The character of the alphabet whose picture is most like this one."""

    def distance(character: str) -> float:
        other = alone(character)
        width = max(letter.shape[1], other.shape[1]) + 1
        wide = [np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in (letter, other)]
        return min(np.abs(np.roll(wide[0], shift, 1) - wide[1]).sum() for shift in (0, 1))

    return min(alphabet, key=distance)


def read_back(word: str, alphabet: str) -> str:
    return "".join(nearest(letter, alphabet) for letter in letters(drawn(word)[0]))


ORDERS = {
    "שלום": "םולש",
    "ב-3": "3-ב",
    "מרץ2024": "2024ץרמ",
    "(שלום)": "(םולש)",
    "Hello": "Hello",
    "(abc)": "(abc)",
    "\u200fשלום\u200e": "םולש",
}
ALPHABET = HEBREW + "0234-()abcHelo"


@pytest.mark.parametrize("word", ORDERS)
def test_letters_stand_in_reading_order(word: str) -> None:
    assert read_back(word, ALPHABET) == ORDERS[word]


@needs_raqm
def test_the_order_is_that_of_fribidi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_needs_shaping", lambda character: True)
    assert {word: read_back(word, ALPHABET) for word in ORDERS} == ORDERS


def test_words_and_punctuation_are_pictures_of_their_own() -> None:
    assert len(drawn("Das Wetter, morgen: 12.5 Grad!?")) == 10
    pictures = drawn("ja ja , ,")
    assert (pictures[0] == pictures[1]).all() and (pictures[2] == pictures[3]).all()
    assert not (pictures[0] == pictures[2]).all()


def test_words_stand_in_the_middle_on_one_line() -> None:
    for picture in drawn("שלום Haus mm"):
        columns = np.flatnonzero(picture.any(0))
        assert abs(columns[0] + columns[-1] - 223) <= 6
    one, other = (np.flatnonzero(p.any(1)) for p in drawn("aaa Hax"))
    assert one[-1] == other[-1] and 112 < one[-1] < 140  # the line letters stand on


def test_a_wide_word_is_drawn_smaller() -> None:
    long = "Donaudampfschifffahrtsgesellschaft"
    (picture,) = drawn(long)
    columns = np.flatnonzero(picture.any(0))
    assert 180 < columns[-1] - columns[0] < 224
    assert not picture[:, [0, -1]].any()
    (small,) = drawn("Haus", size=64, font_size=48)
    assert small.shape == (64, 64) and not small[:, [0, -1]].any() and small.any()
    with pytest.raises(SignalError, match="too long"):
        drawn("a" * 300)


@pytest.mark.parametrize("text", ["", "  ", "\u200f"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(SignalError, match="empty"):
        drawn(text)


def test_a_character_without_a_glyph_is_named() -> None:
    with pytest.raises(SignalError, match=r"DejaVuSans.*'漢' \(U\+6F22, CJK"):
        drawn("Haus 漢字")
    with pytest.raises(SignalError, match=r"U\+E000, unnamed"):
        drawn("\ue000")


@needs_raqm
def test_marks_and_joined_letters_are_shaped() -> None:
    assert len(letters(drawn("سلام")[0])) < 4  # joined
    decomposed = unicodedata.normalize("NFD", "é")
    assert (drawn("é") == drawn(decomposed)).all()
    pointed, bare = drawn("שָׁלוֹם")[0], drawn("שלום")[0]
    assert len(letters(pointed)) == len(letters(bare)) and pointed.sum() > bare.sum()


def test_without_libraqm_what_needs_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    assert drawn("שלום é").any()
    for word in ("سلام", "שָׁלוֹם"):
        with pytest.raises(SignalError, match="libraqm"):
            drawn(word)


def test_fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import get_data_path

    fonts = Path(get_data_path()) / "fonts" / "ttf"
    serif = drawn("Haus", font=str(fonts / "DejaVuSerif.ttf"))
    assert not (serif == drawn("Haus")).all()
    with pytest.raises(SignalError, match="'ש'"):
        drawn("שלום", font=str(fonts / "DejaVuSerif.ttf"))
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    for name in ("absent.ttf", "broken.ttf"):
        with pytest.raises(UserError, match=rf"streams\.a: font: .*{name}"):
            config = PixelTextConfig(font=str(tmp_path / name))
            PixelTextReader(config, Context(path="streams.a"))
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(UserError, match="matplotlib"):
        drawn("Haus")


def test_opened_again_without_the_font(tmp_path: Path) -> None:
    from matplotlib import get_data_path

    shutil.copy(Path(get_data_path()) / "fonts/ttf/DejaVuSerif.ttf", tmp_path / "own.ttf")
    made = PixelTextReader(PixelTextConfig(font=str(tmp_path / "own.ttf")))
    clip = Clip("Haus")
    expected = made.read(clip).values
    made.save_assets(tmp_path / "assets")
    (tmp_path / "own.ttf").unlink()
    again = PixelTextReader(made.config, Context(assets=tmp_path / "assets"))
    assert (again.read(clip).values == expected).all()
    assert (pickle.loads(pickle.dumps(again)).read(clip).values == expected).all()


def test_the_type() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(PixelTextConfig(size=64), "text")
    assert str(output) == "b t c=3 h=64 w=64 (uint8)" and not PixelTextReader.reads_files
