"""Folders of pictures, read as films."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from slp_core.files import content_hash
from slp_core.manifest import Row
from slp_core.reading import RowReader
from slp_core.signals import Clip, SignalError
from slp_encoders.processors.video.film import is_film
from slp_encoders.processors.video.folder import pictures_in
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig

GREYS = [20 * number for number in range(12)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve greys, one a frame, beside what is no picture."""
    film = tmp_path / "film"
    film.mkdir()
    for number, grey in enumerate(GREYS, start=1):
        Image.new("RGB", (64, 48), (grey,) * 3).save(film / f"images{number}.png")
    (film / "Thumbs.db").write_bytes(b"no picture")
    (film / "._images1.png").write_bytes(b"no picture either")
    return film


def read(path: Path, start: float = 0, end: float | None = None, **config: float) -> np.ndarray:
    reader, clip = VideoReader(VideoConfig(size=16, **config)), Clip(str(path), start, end)
    signal = reader.read(clip)
    assert signal.values.dtype == np.uint8 and signal.values.shape[1:] == (3, 16, 16)
    assert reader.probe(clip) == len(signal.values)
    return signal.values


def greys(values: np.ndarray) -> list[int]:
    return [round(float(grey)) for grey in values.mean((1, 2, 3))]


def test_pictures_come_in_the_order_of_their_numbers(folder: Path) -> None:
    assert greys(read(folder)) == GREYS
    names = ["10.png", "9.JPG", "a2b10.png", "a2b9.png", "01.png", "1.png", "a.jpeg"]
    other = folder.parent / "other"
    other.mkdir()
    for name in names:
        (other / name).touch()
    found = [file.name for file in pictures_in(other)]
    assert found == ["01.png", "1.png", "9.JPG", "10.png", "a2b9.png", "a2b10.png", "a.jpeg"]


def test_a_folder_has_the_rate_it_is_given(folder: Path) -> None:
    assert VideoReader(VideoConfig()).read(Clip(str(folder))).rate == 25
    assert VideoReader(VideoConfig(frame_rate=10.0)).read(Clip(str(folder))).rate == 10
    assert greys(read(folder, 100, 350, frame_rate=10.0)) == GREYS[1:4]
    assert greys(read(folder, frame_rate=10.0, fps=5.0)) == GREYS[::2]


@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_pictures_are_seen_as_the_frames_of_a_film(tmp_path: Path, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (3, 6, 6, 3), np.uint8)
    large = [Image.fromarray(one).resize(size, Image.Resampling.BICUBIC) for one in pictures]
    (tmp_path / "folder").mkdir()
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "bgr0"
        for number, picture in enumerate(large):
            picture.save(tmp_path / "folder" / f"{number}.png")
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    film = read(tmp_path / "a.mkv").astype(int)
    assert np.abs(read(tmp_path / "folder") - film).max() <= 2
    assert film.std() > 30


def test_what_is_wrong_is_one_line_that_names_the_picture(folder: Path) -> None:
    content = (folder / "images7.png").read_bytes()
    for broken in (b"", content[: len(content) // 2], b"no picture"):
        (folder / "images7.png").write_bytes(broken)
        with pytest.raises(SignalError, match=r"images7\.png: cannot be read") as error:
            read(folder)
        assert "\n" not in str(error.value)
        assert len(read(folder, 0, 200)) == 5  # the span does not touch it
    Image.new("RGB", (64, 50)).save(folder / "images7.png")
    for look in (VideoReader.read, VideoReader.probe):
        with pytest.raises(
            SignalError, match=r"images7\.png: 64 x 50 pixels, images1\.png has 64 "
        ):
            look(VideoReader(VideoConfig()), Clip(str(folder)))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(SignalError, match=r"the folder holds no picture \(\.bmp, "):
        read(tmp_path)
    assert not is_film(tmp_path)


def test_a_span_outside_the_folder_is_refused(folder: Path) -> None:
    with pytest.raises(SignalError, match="lies outside the clip, which lasts 480 ms"):
        read(folder, 0, 600)


def test_greyscale_and_palette_pictures_are_seen_in_rgb(folder: Path) -> None:
    grey = Image.new("L", (64, 48), 100)
    grey.save(folder / "images2.png")
    grey.convert("P").save(folder / "images3.png")
    assert greys(read(folder, 0, 160))[1:3] == [100, 100]


class _Recipe:
    class _Stream:
        signal = "video"

    streams = {"signing": _Stream}  # noqa: RUF012


def test_a_change_inside_a_folder_is_noticed(folder: Path) -> None:
    reader = RowReader(_Recipe, {"signing": VideoReader(VideoConfig())})  # type: ignore[arg-type]
    row = Row({"video": "film"}, folder.parent / "train.tsv", 2)

    def stamps() -> list[tuple[str, int, int]]:
        stats = [(file, file.stat()) for file in reader.files(row)]
        return [(file.name, stat.st_size, stat.st_mtime_ns) for file, stat in stats]

    seen, content = [stamps()], [content_hash(folder)]
    assert len(seen[0]) == 14
    os.utime(folder / "images3.png", ns=(1, 1))
    seen.append(stamps())
    assert content_hash(folder) == content[0]  # touched, not changed
    Image.new("RGB", (64, 48), "red").save(folder / "images3.png")
    seen.append(stamps())
    content.append(content_hash(folder))
    (folder / "images3.png").rename(folder / "images13.png")
    seen.append(stamps())
    content.append(content_hash(folder))
    assert len({tuple(one) for one in seen}) == 4 and len(set(content)) == 3
