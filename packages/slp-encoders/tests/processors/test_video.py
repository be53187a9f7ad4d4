"""Video files, written by PyAV with frames of one grey each."""

from __future__ import annotations

import random
import resource
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.clips import nearest_frames
from slp_encoders.processors.video import decode
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig, signature

WIDTH, HEIGHT = 64, 48
GREYS = [4 * number for number in range(60)]
#: left to right red, green; below blue, white
QUARTERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def write(
    path: Path,
    pictures: list[np.ndarray] | None = None,
    codec: str = "mpeg4",
    times: list[int] | None = None,
    tick: Fraction = Fraction(1, 25),
    rotation: tuple[float, bool, bool] | None = None,
    **options: str,
) -> list[float]:
    """Encode pictures at ``times`` ticks; return when each is shown, in seconds."""
    pictures = pictures or [np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in GREYS]
    times = times or list(range(len(pictures)))
    muxing = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=muxing) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = options
        stream.codec_context.time_base = tick
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return [float((time - times[0]) * tick) for time in times]


def read(path: Path, start: float = 0, end: float | None = None, **config: Any) -> np.ndarray:
    reader, clip = VideoReader(VideoConfig(**{"size": 16, **config})), Clip(str(path), start, end)
    signal = reader.read(clip)
    assert signal.values.dtype == np.uint8
    assert signal.values.shape[1:] == (3, reader.config.size, reader.config.size)
    assert reader.probe(clip) == len(signal.values)
    return signal.values


def numbers(values: np.ndarray) -> list[int]:
    """Which of the grey frames these are."""
    return [round(float(grey) / 4) for grey in values.mean((1, 2, 3))]


# Which frames


CONTAINERS = {
    "b-frames.mp4": {"codec": "libx264", "bf": "3", "g": "12", "qp": "1"},
    "open-gop.mp4": {"codec": "libx264", "x264-params": "open-gop=1:bframes=3:keyint=12:qp=1"},
    "late.mp4": {"codec": "libx264", "bf": "3", "g": "12", "qp": "1", "times": range(50, 110)},
    "a.mkv": {"codec": "libx264", "bf": "2", "g": "10", "qp": "1"},
    "a.webm": {"codec": "libvpx-vp9", "g": "10", "deadline": "realtime", "crf": "5"},
    "a.mov": {"g": "12", "qmax": "2"},
    "a.avi": {"g": "10", "bf": "2", "qmax": "2"},
    "a.ts": {"codec": "libx264", "bf": "3", "g": "10", "qp": "1"},
    "a.mpg": {"codec": "mpeg1video", "g": "10", "bf": "2", "qmax": "2"},
}


def varying() -> list[int]:
    rng = random.Random(0)
    times = [0]
    while len(times) < len(GREYS):
        times.append(times[-1] + rng.choice([20, 40, 70]))
    return times


VARYING = {"codec": "libx264", "bf": "3", "g": "12", "qp": "1", "times": varying(),
           "tick": Fraction(1, 1000)}  # fmt: skip


@pytest.mark.parametrize("name", [*CONTAINERS, "varying.mp4"])
def test_a_span_holds_the_frames_shown_in_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shown = write(path, **CONTAINERS.get(name, VARYING))  # type: ignore[arg-type]
    whole = read(path)
    assert numbers(whole) == list(range(60))
    ends = [*shown[1:], 2 * shown[-1] - shown[-2]]
    rng = random.Random(0)
    for _ in range(25):
        start = rng.choice([rng.uniform(0, ends[-1] - 0.01), rng.choice(shown)])
        end = rng.choice([rng.uniform(start + 0.001, ends[-1]), start + 0.04])
        wanted = [
            number
            for number, (begun, ended) in enumerate(zip(shown, ends, strict=True))
            if ended > start + 1e-5 and begun < end - 1e-5
        ]
        assert np.array_equal(read(path, 1000 * start, 1000 * end), whole[wanted])


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The times of the frames that are decoded from now on."""
    times: list[int] = []
    original = decode._decoded

    def counted(*arguments: Any) -> Iterator[av.VideoFrame]:
        for frame in original(*arguments):
            times.append(frame.pts)
            yield frame

    monkeypatch.setattr(decode, "_decoded", counted)
    return times


def test_only_the_frames_of_the_span_are_decoded(tmp_path: Path, decoded: list[int]) -> None:
    write(tmp_path / "a.mp4", codec="libx264", g="5", bf="0")
    reader = VideoReader(VideoConfig(size=16))
    assert numbers(reader.read(Clip(str(tmp_path / "a.mp4"), 1680, 1800)).values) == [42, 43, 44]
    assert len(decoded) == 6  # from the key frame 40 to the one that ends frame 44


def test_the_generator_decodes_as_it_goes(tmp_path: Path, decoded: list[int]) -> None:
    write(tmp_path / "a.mp4")
    pictures = VideoReader(VideoConfig(size=16)).frames(Clip(str(tmp_path / "a.mp4")))
    assert next(pictures).shape == (16, 16, 3)
    assert len(decoded) == 2


def test_memory_is_bounded_by_a_frame(tmp_path: Path) -> None:
    picture = np.zeros((1080, 1920, 3), np.uint8)
    write(tmp_path / "a.mp4", [picture] * 60)  # 373 MB decoded
    reader, clip = VideoReader(VideoConfig(size=16)), Clip(str(tmp_path / "a.mp4"))
    next(reader.frames(clip))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in reader.frames(clip)) == 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kilobytes


@pytest.mark.parametrize("fps", [5.0, 10.0, 24.0, 25.0, 30.0, 50.0])
def test_a_rate_takes_the_nearest_frames(tmp_path: Path, fps: float) -> None:
    write(tmp_path / "a.mp4", codec="libx264", qp="1")
    whole = read(tmp_path / "a.mp4")
    assert np.array_equal(read(tmp_path / "a.mp4", fps=fps), whole[nearest_frames(60, 25, fps)])
    part = whole[10:31][nearest_frames(21, 25, fps)]
    assert np.array_equal(read(tmp_path / "a.mp4", 400, 1240, fps=fps), part)
    assert VideoReader(VideoConfig(fps=fps)).read(Clip(str(tmp_path / "a.mp4"))).rate == fps


def test_a_rate_takes_the_nearest_frames_of_a_varying_rate(tmp_path: Path) -> None:
    shown = np.array(write(tmp_path / "a.mp4", **VARYING))  # type: ignore[arg-type]
    taken = numbers(read(tmp_path / "a.mp4", fps=20.0))
    ticks = np.arange(len(taken)) / 20
    gaps = np.abs(shown[None] - ticks[:, None])
    assert np.allclose(gaps[np.arange(len(taken)), taken], gaps.min(1), atol=1e-6)
    assert ticks[-1] <= shown[-1] + 0.07 < ticks[-1] + 0.1


def test_the_rate_is_the_file_s_own(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4")
    assert VideoReader(VideoConfig()).read(Clip(str(tmp_path / "a.mp4"))).rate == 25
    assert str(signature(VideoConfig(size=16), "video")) == (
        "b t c=3 h=16 w=16 (uint8, rate of the clip)")  # fmt: skip
    assert "12.5 Hz" in str(signature(VideoConfig(fps=12.5), "video"))


# What is in a frame


def quarters(height: int, width: int) -> np.ndarray:
    rows, columns = np.arange(height) * 2 // height, np.arange(width) * 2 // width
    return QUARTERS[rows][:, columns]


def seen(values: np.ndarray) -> np.ndarray:
    picture = values[0].transpose(1, 2, 0)
    low, high = len(picture) // 4, 3 * len(picture) // 4
    return (picture[[low, high]][:, [low, high]] > 128).astype(int) * 255


@pytest.mark.parametrize("shape", [(96, 96), (96, 160), (160, 96)])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
def test_the_display_matrix_is_honoured(
    tmp_path: Path, shape: tuple[int, int], turns: int, flips: tuple[bool, bool]
) -> None:
    picture = quarters(*shape)
    write(tmp_path / "a.mp4", [picture] * 3, rotation=(90.0 * turns, *flips))
    expected = quarters(64, 64)[::32, ::32]
    expected = np.rot90(expected, turns)  # PyAV: counterclockwise, mirrored after it
    expected = expected[:, ::-1] if flips[0] else expected
    expected = expected[::-1] if flips[1] else expected
    assert np.array_equal(seen(read(tmp_path / "a.mp4", size=32)), expected)


#: ISO 14496-12, 8.3.2: how a phone that is held upright marks its film: x' = h - y, y' = x
UPRIGHT_PHONE = [0, 1, 0, -1, 0, 0, 0, 0, 1]


def test_a_phone_s_matrix_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, [quarters(96, 160)] * 3)
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd")
    units = [1 << 16, 1 << 16, 1 << 30]
    matrix = np.array([v * units[i % 3] for i, v in enumerate(UPRIGHT_PHONE)], ">i4")
    content[header + 44 : header + 80] = matrix.tobytes()
    path.write_bytes(content)
    # the stored left edge is shown on top: the stored lower left corner upper left
    expected = np.array([[[0, 0, 255], [255, 0, 0]], [[255, 255, 255], [0, 255, 0]]])
    assert np.array_equal(seen(read(path, size=32)), expected)


@pytest.mark.parametrize("shape", [(96, 320), (320, 96)])
def test_the_shorter_side_is_scaled_and_the_centre_kept(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    middle = [slice(side // 2 - 48, side // 2 + 48) for side in shape]
    picture[middle[0], middle[1]] = 200
    write(tmp_path / "a.mp4", [picture] * 2)
    for size in (32, 192):
        inner = read(tmp_path / "a.mp4", size=size)[..., 2:-2, 2:-2]
        assert np.abs(inner.astype(int) - 200).max() < 12


# What is refused


def test_a_span_outside_the_clip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path)
    assert len(read(path, 0, 2440)) == 60
    for start, end in [(2400, None), (0, 2441.0), (9e8, 9.1e8)]:
        with pytest.raises(SignalError, match="lies outside the clip, which lasts 2400 ms"):
            read(path, start, end)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    write(whole)
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    content = whole.read_bytes()
    for name, damaged, said in [
        ("empty.mp4", b"", "cannot be read"),
        ("text.mp4", b"no film", "cannot be read"),
        ("half.mp4", content[: len(content) // 2], "damaged at"),
        ("sound.wav", (tmp_path / "sound.wav").read_bytes(), "has no video stream"),
    ]:
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(SignalError, match=said) as error:
            read(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(SignalError, match="no such file"):
        read(tmp_path / "absent.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_how_long_a_file_is_without_decoding_it(
    tmp_path: Path, decoded: list[int], name: str
) -> None:
    write(tmp_path / name)
    found = VideoReader(VideoConfig()).extent(Clip(str(tmp_path / name)))
    assert found.frames == len(GREYS)
    assert found.seconds == pytest.approx(len(GREYS) / 25, abs=0.05)
    assert decoded == []


def test_a_header_that_lies_about_its_length_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv")
    content = (tmp_path / "a.mkv").read_bytes()
    place = content.index(b"\x44\x89\x88")  # Segment Duration, a float of 8 bytes (RFC 9559)
    told = struct.pack(">d", 40.0)  # ms
    (tmp_path / "a.mkv").write_bytes(content[: place + 3] + told + content[place + 11 :])
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert container.duration == 40_000  # microseconds
    found = VideoReader(VideoConfig()).extent(Clip(str(tmp_path / "a.mkv")))
    assert found.seconds == pytest.approx(len(GREYS) / 25, abs=0.05)


def test_a_picture_like_a_thread_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", [np.zeros((16, 336, 3), np.uint8)] * 2)
    for look in (VideoReader.read, VideoReader.probe):
        with pytest.raises(SignalError, match="a picture of 336 x 16"):
            look(VideoReader(VideoConfig()), Clip(str(tmp_path / "a.mp4")))


def test_a_file_cut_between_two_frames_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", codec="libx264", bf="0", g="60")
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: packets[29][0] + packets[29][1]])
    with pytest.raises(SignalError, match=r"truncated|cannot be read"):
        read(tmp_path / "cut.mp4")
    assert len(read(tmp_path / "cut.mp4", 0, 800)) == 20


def test_a_damaged_frame_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", codec="libx264", bf="0", g="10")
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    place, size = packets[30]
    content[place + size // 2 : place + size] = b"\xff" * (size - size // 2)
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(SignalError, match=r"damaged at 1\.200 s|cannot be read"):
        read(tmp_path / "a.mp4")
    assert len(read(tmp_path / "a.mp4", 0, 1000)) == 25


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("small")
    pictures = [np.full((16, 16, 3), grey, np.uint8) for grey in (0, 100, 200, 50)]
    files = {}
    for name, codec in [("a.mp4", "libx264"), ("b.mkv", "mpeg4"), ("c.webm", "libvpx-vp9")]:
        write(folder / name, pictures, codec)
        files[name] = (folder / name).read_bytes()
    return files


@given(
    name=st.sampled_from(["a.mp4", "b.mkv", "c.webm"]),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 2000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_give_one_line_and_cost_little_memory(
    tmp_path: Path, small: dict[str, bytes], name: str, edits: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(small[name])
    for place, byte in edits:
        content[place % len(content)] = byte
    path = tmp_path / name
    path.write_bytes(content[: len(content) - cut] if cut % 2 else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read(path, fps=25.0)
    except SignalError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes
