"""Single pictures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from slp_core.signals import Clip, Signal, SignalError
from slp_encoders.processors.image.reader import ImageReader
from slp_encoders.processors.image.spec import ImageConfig, signature
from slp_encoders.processors.video.spec import AugmentConfig

#: left to right red, green; below blue, white
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def read(path: Path, size: int = 32) -> np.ndarray:
    signal = ImageReader(ImageConfig(size=size)).read(Clip(str(path)))
    assert signal.values.shape == (1, 3, size, size)
    assert signal.values.dtype == np.uint8
    assert np.isnan(signal.rate)
    return signal.values[0].transpose(1, 2, 0)


def large(array: np.ndarray, times: int = 50) -> Image.Image:
    return Image.fromarray(array.repeat(times, 0).repeat(times, 1))


def near(left: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.abs(left.astype(int) - right.astype(int)).max() <= 8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff", "gif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    large(QUARTERS).save(path, **({"quality": 95} if suffix in ("jpg", "webp") else {}))
    assert near(read(path)[8, 8], QUARTERS[0, 0])
    assert near(read(path)[24, 8], QUARTERS[1, 0])


#: what EXIF 2.3 (4.6.4 A, tag 0x0112) says of the stored rows and columns, undone
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, -1)[:, ::-1][::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_exif_orientation_is_honoured(tmp_path: Path, orientation: int) -> None:
    image, exif = large(QUARTERS), Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    picture = read(tmp_path / "a.png")
    expected = UPRIGHT[orientation](QUARTERS)
    assert near(picture[[8, 24]][:, [8, 24]], expected)


@pytest.mark.parametrize("shape", [(100, 300), (300, 100)])
def test_the_centre_is_kept(tmp_path: Path, shape: tuple[int, int]) -> None:
    array = np.zeros((*shape, 3), np.uint8)
    array[shape[0] // 2 - 50 : shape[0] // 2 + 50, shape[1] // 2 - 50 : shape[1] // 2 + 50] = 200
    Image.fromarray(array).save(tmp_path / "a.png")
    picture = read(tmp_path / "a.png")
    assert (picture[2:-2, 2:-2] == 200).all()
    assert (picture > 150).all()


def test_other_modes_become_rgb(tmp_path: Path) -> None:
    for mode in ("1", "L", "P", "CMYK", "LA", "RGBA"):
        large(np.full((2, 2, 3), 255, np.uint8)).convert(mode).save(tmp_path / "a.tiff")
        assert (read(tmp_path / "a.tiff") >= 250).all(), mode


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    clear = large(QUARTERS).convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") == 255).all()


def test_a_large_photo_is_as_its_full_decoding(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rough = Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8))
    photo = rough.resize((800, 800), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "a.jpg", quality=95)
    photo.save(tmp_path / "a.png")
    difference = np.abs(read(tmp_path / "a.jpg").astype(int) - read(tmp_path / "a.png"))
    assert difference.mean() < 2


def test_a_photo_of_nine_million_pixels(tmp_path: Path) -> None:
    large(QUARTERS, 1512).save(tmp_path / "a.jpg", exif=Image.Exif())
    assert near(read(tmp_path / "a.jpg")[[8, 24]][:, [8, 24]], QUARTERS)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    frames = [large(QUARTERS), large(QUARTERS[::-1])]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, said in [
        ("two.gif", "holds 2 pictures, one expected"),
        ("deep.png", "pixels of mode I;16, 8 bits"),
        ("text.jpg", "no picture of a known format"),
        ("empty.png", "no picture of a known format"),
        ("absent.png", "no such file"),
    ]:
        with pytest.raises(SignalError, match=said):
            read(tmp_path / name)
    large(QUARTERS).save(tmp_path / "a.png")
    with pytest.raises(SignalError, match="a picture has no time"):
        ImageReader(ImageConfig()).read(Clip(str(tmp_path / "a.png"), 0, 100))


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    with pytest.raises(SignalError, match="9000 x 9000 pixels are too many"):
        read(tmp_path / "huge.png")


def varied(picture: np.ndarray, seed: int = 0, **config: float) -> np.ndarray:
    """A variant of one ``h w c`` picture."""
    augment = AugmentConfig(**config)  # type: ignore[arg-type]
    reader = ImageReader(ImageConfig(size=len(picture), augment=augment))
    signal = Signal(picture.transpose(2, 0, 1)[None], float("nan"))
    return reader.augment(signal, np.random.default_rng(seed)).values[0].transpose(1, 2, 0)


def spot(row: int, column: int, side: int = 41) -> np.ndarray:
    """Grey, and one white block of five by five about a place."""
    picture = np.full((side, side, 3), 100, np.uint8)
    picture[row - 2 : row + 3, column - 2 : column + 3] = 255
    return picture


def place(picture: np.ndarray) -> np.ndarray:
    """Row and column of the spot's middle, from the picture's middle."""
    weight = np.maximum(picture.mean(-1) - 110, 0)
    where = np.indices(weight.shape) - (len(picture) - 1) / 2
    return (where * weight).sum((1, 2)) / weight.sum()


def test_without_a_table_nothing_varies() -> None:
    signal = Signal(spot(9, 9)[None], float("nan"))
    assert ImageReader(ImageConfig()).augment(signal, np.random.default_rng(0)) is signal
    assert np.array_equal(varied(spot(9, 30)), spot(9, 30))


def test_places_move_as_configured() -> None:
    """Against the closed form, with the deviations measured over many draws."""
    turns, sizes, shifts = [], [], []
    for seed in range(400):
        turned = place(varied(spot(20, 32), seed, rotate=10.0))
        turns.append(np.degrees(np.arctan2(turned[0], turned[1])))
        assert np.hypot(*turned) == pytest.approx(12, abs=0.1)
        sizes.append(np.log(place(varied(spot(20, 28), seed, scale=0.1))[1] / 8))
        shifts.append(place(varied(spot(20, 20), seed, shift=0.1)) / 41)
    assert np.std(turns) == pytest.approx(10, rel=0.15) and abs(np.mean(turns)) < 2
    assert np.std(sizes) == pytest.approx(0.1, rel=0.15)
    assert np.std(shifts, 0) == pytest.approx([0.1, 0.1], rel=0.15)
    assert abs(np.corrcoef(np.transpose(shifts))[0, 1]) < 0.2


def test_a_mirror_every_second_time() -> None:
    sides = [place(varied(spot(10, 30), seed, mirror=True)) for seed in range(200)]
    assert all(side == pytest.approx([-10, 10 * np.sign(side[1])]) for side in sides)
    assert 70 < sum(side[1] < 0 for side in sides) < 130


def test_the_signature_says_what_is_read() -> None:
    assert str(signature(ImageConfig(size=32), "image")) == "b t c=3 h=32 w=32 (uint8)"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    suffix=st.sampled_from(["png", "jpeg", "webp", "bmp", "tiff", "gif"]),
    edits=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 600),
)
def test_damaged_bytes_give_one_line(
    tmp_path: Path, suffix: str, edits: list[tuple[int, int]], cut: int
) -> None:
    stream = BytesIO()
    large(QUARTERS, 10).save(stream, suffix)
    content = bytearray(stream.getvalue())
    for place, byte in edits:
        content[place % len(content)] = byte
    path = tmp_path / "a.bin"
    path.write_bytes(content[: len(content) - cut] if cut % 2 else content)
    try:
        read(path)
    except SignalError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)


def test_the_real_photos(shared_data: Path) -> None:
    photos = sorted((shared_data / "sign_digits").rglob("*.JPG"))
    assert len(photos) > 1600
    for path in photos[::40]:
        assert read(path).std() > 5
