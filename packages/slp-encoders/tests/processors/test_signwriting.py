"""Drawn signs against the drawing of the signwriting package."""

import numpy as np
import pytest
from PIL import Image
from signwriting.formats.fsw_to_swu import fsw2swu
from signwriting.visualizer.visualize import visualize_sign

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.signwriting.reader import SignWritingReader
from slp_encoders.processors.signwriting.spec import SPEC, SignWritingConfig

HELLO = "M518x529S14c20481x471S27106503x489"
WORLD = "M518x533S1870a489x515S18701482x490S20500508x496S2e734500x468"
SORTED = "AS18701S1870aS2e734S20500" + WORLD
STOP = "S38800464x496"


def drawn(text: str, size: int = 224) -> np.ndarray:
    """The pictures ``t h w`` of a text, white 255."""
    signal = SignWritingReader(SignWritingConfig(size=size)).read(Clip(text))
    assert signal.values.dtype == np.uint8 and np.isnan(signal.rate)
    assert signal.values.shape[1:] == (3, size, size)
    assert (signal.values == signal.values[:, :1]).all()
    return signal.values[:, 0]


@pytest.mark.parametrize("sign", [HELLO, WORLD, SORTED, STOP])
def test_a_sign_is_the_packages_drawing_in_the_middle_of_white(sign: str) -> None:
    theirs = visualize_sign(sign, trust_box=False)
    (ours,) = drawn(sign)
    white = Image.new("RGBA", theirs.size, "white")
    expected = np.asarray(Image.alpha_composite(white, theirs).convert("L")).astype(int)
    top, left = (224 - theirs.height) // 2, (224 - theirs.width) // 2
    there = np.s_[top : top + theirs.height, left : left + theirs.width]
    assert np.abs(ours[there] - expected).max() <= 1
    assert (expected < 50).any()
    around = ours.copy()
    around[there] = 255
    assert (around == 255).all()


def test_one_picture_a_sign_in_order() -> None:
    pictures = drawn(f"{HELLO} {SORTED}  {STOP} {HELLO}")
    assert len(pictures) == 4 and (pictures[0] == pictures[3]).all()
    assert (pictures[1] == drawn(WORLD)[0]).all()  # the order of symbols is for sorting alone


def test_swu_is_read_too() -> None:
    assert (drawn(fsw2swu(HELLO)) == drawn(HELLO)).all()


def test_the_written_box_crops_nothing() -> None:
    assert (drawn(HELLO.replace("M518x529", "M490x490")) == drawn(HELLO)).all()


def test_a_sign_too_large_is_scaled_down() -> None:
    (picture,) = drawn("M900x900S10000100x100S10000900x900")
    dark = np.argwhere(picture < 200)
    assert dark.min() < 6 and dark.max() > 217
    assert (drawn(HELLO, size=16) < 200).any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no signs"),
        ("  ", "no signs"),
        ("hello", "'hello' is no sign"),
        ("M518x529", "is no sign"),
        (f"{HELLO} M518x529S14c20481", "'M518x529S14c20481' is no sign"),
        (HELLO + "-CG_blue_", "is no sign"),
        ("M518x529S14d05481x471", "no symbol S14d05"),
    ],
)
def test_what_is_no_sign_is_refused(text: str, said: str) -> None:
    with pytest.raises(SignalError, match=said):
        drawn(text)


def test_the_type() -> None:
    assert SPEC.signature is not None
    output = SPEC.signature(SignWritingConfig(), "signal")
    assert str(output) == "b t c=3 h=224 w=224 (uint8)" and not SignWritingReader.reads_files
