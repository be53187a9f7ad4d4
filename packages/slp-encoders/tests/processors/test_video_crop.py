"""Squares around mouth and face, by pictures whose colour says where they were cut."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from slp_core.signals import Clip, SignalError
from slp_encoders.processors.mediapipe import estimate
from slp_encoders.processors.video import reader as video
from slp_encoders.processors.video.crop import boxes_of, pose_in
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig

from . import poses

WIDTH, HEIGHT = 100, 80
EYES = 20.0  #: pixels apart, so that the mouth's square has 22, the face's 50
POINTS = [(name, point) for name, points in poses.REDUCED.items() for point in points]
FACE = {point: place for place, (part, point) in enumerate(POINTS) if part == "FACE_LANDMARKS"}
#: right of red, below green: a pixel says where it was
RAMP = np.stack(
    [*np.meshgrid(2 * np.arange(WIDTH), 2 * np.arange(HEIGHT)), np.zeros((HEIGHT, WIDTH))], -1
).astype(np.uint8)


def write_pose(
    path: Path,
    mouth: np.ndarray,
    missing: list[int] = [],  # noqa: B006
    rate: float = 25.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    eyes: float | list[float] = EYES,
    hand: tuple[str, np.ndarray] | None = None,
) -> Path:
    """A face with the middle of its mouth at ``t 2``, of which each lip has a point of its own;
    the face's own middle is 30 pixels above. Of a ``hand`` the middle of the palm is at ``t 2``;
    the other is not seen. All other points are anywhere."""
    frames = len(mouth)
    coordinates, confidence = poses.random_body(poses.REDUCED, frames)
    confidence[:, 0, list(FACE.values())] = 1
    around = {"61": (-5, 0), "291": (5, 0), "0": (0, -3), "17": (0, 3)}
    around |= {"10": (0, -50), "152": (0, -10), "234": (-15, -30), "454": (15, -30)}
    for point, way in around.items():
        coordinates[:, 0, FACE[point], :2] = mouth + way
    for point, way in {"33": -0.5, "263": 0.5}.items():
        apart = np.broadcast_to(eyes, frames) * way
        coordinates[:, 0, FACE[point], :2] = mouth + np.stack([apart, 0 * apart - 35], -1)
    for number, (part, point) in enumerate(POINTS if hand else []):
        if part.endswith("HAND_LANDMARKS"):
            assert hand is not None
            confidence[:, 0, number] = part.startswith(hand[0])
            way = {"WRIST": (0, 6), "INDEX_FINGER_MCP": (-3, -3), "PINKY_MCP": (3, -3)}.get(point)
            if way is not None:
                coordinates[:, 0, number, :2] = hand[1] + way
    confidence[missing] = 0
    coordinates[missing] = 0
    poses.write(path, poses.REDUCED, coordinates, confidence, rate)
    content = bytearray(path.read_bytes())  # the helper's header is of 640 x 480
    content[4:8] = np.array(size, "<u2").tobytes()
    path.write_bytes(content)
    return path


def write_folder(path: Path, pictures: list[np.ndarray]) -> Path:
    path.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(path / f"{number}.png")
    return path


def write_film(path: Path, pictures: list[np.ndarray], rotation: float | None = None) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "1"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def read(film: Path, folder: Path, span: tuple[float, float | None] = (0, None), **config: Any):
    """``t h w c``"""
    config = {"crop": "mouth", "size": 22, "poses": str(folder), **config}
    clip, reader = Clip(str(film), *span), VideoReader(VideoConfig(**config))
    values = reader.read(clip).values
    assert values.dtype == np.uint8 and values.shape[1:] == (3, *2 * [reader.config.size])
    assert reader.probe(clip) == len(values)
    values = values.transpose(0, 2, 3, 1)
    assert np.array_equal(values, [*reader.frames(clip)])
    return values


def centres(values: np.ndarray) -> np.ndarray:
    """Where in the ramp the crops ``t h w c`` have their middle: ``t 2``."""
    return values[..., :2].mean((1, 2)) / 2 + 0.5


def line(frames: int, start: tuple[float, float], speed: tuple[float, float]) -> np.ndarray:
    return np.array(start) + np.arange(frames)[:, None] * np.array(speed)


# Which pixels


@pytest.mark.parametrize(
    ("middle", "crop"),
    [((40, 60), "mouth"), ((3, 2), "mouth"), ((99, 79), "mouth"), ((50, 60), "face"),
     ((10, 40), "face"), ((-400, 900), "mouth")],
)  # fmt: skip
def test_pixels_are_copied_and_the_border_repeated(
    tmp_path: Path, middle: tuple[int, int], crop: str
) -> None:
    pictures = [*np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)]
    film = write_folder(tmp_path / "a", pictures)
    write_pose(tmp_path / "a.pose", line(3, middle, (0, 0)))
    side, up = (22, 0) if crop == "mouth" else (50, 30)
    values = read(film, tmp_path, crop=crop, size=side)
    left, top = middle[0] - side // 2, middle[1] - up - side // 2
    wide = np.pad(pictures, ((0, 0), (1000, 1000), (1000, 1000), (0, 0)), "edge")
    expected = wide[:, 1000 + top :, 1000 + left :][:, :side, :side]
    assert np.array_equal(values, expected)


@pytest.mark.parametrize("size", [11, 22, 40])
def test_scaled_and_between_pixels(tmp_path: Path, size: int) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 3)
    write_pose(tmp_path / "a.pose", line(3, (43.3, 41.8), (0, 0)))
    values = read(film, tmp_path, size=size)
    places = (np.arange(size) + 0.5) * 22 / size - 0.5
    assert np.abs(values[..., 0] - 2 * (43.3 - 11 + places)).max() <= 0.6
    assert np.abs(values[..., 1] - 2 * (41.8 - 11 + places)[:, None]).max() <= 0.6


@pytest.mark.parametrize("size", [9, 22, 40])
def test_scaling_sees_beyond_the_square(tmp_path: Path, size: int) -> None:
    """As if the whole picture were scaled and then cut."""
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    film = write_folder(tmp_path / "a", [picture])
    write_pose(tmp_path / "a.pose", line(1, (43.5, 41.75), (0, 0)))
    box = (32.5, 30.75, 54.5, 52.75)
    scaled = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box=box)
    assert np.abs(read(film, tmp_path, size=size)[0].astype(int) - np.array(scaled)).max() <= 1


def test_the_size_is_one_for_the_film(tmp_path: Path) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 5)
    write_pose(tmp_path / "a.pose", line(5, (50, 40), (0, 0)), eyes=[10, 20, 80, 20, 11])
    assert (np.ptp(read(film, tmp_path)[..., 0], (1, 2)) == 42).all()  # two of red a pixel
    assert (np.ptp(read(film, tmp_path, (0, 40))[..., 0], (1, 2)) == 42).all()


def test_poses_of_smaller_pictures_are_scaled(tmp_path: Path) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 2)
    write_pose(tmp_path / "a.pose", line(2, (25, 20), (0, 0)), size=(50, 40), eyes=10)
    assert centres(read(film, tmp_path)) == pytest.approx(np.array([[50, 40]] * 2), abs=0.3)


# Which way


def test_the_square_follows_the_mouth_over_gaps(tmp_path: Path) -> None:
    """A straight way is the same when smoothed, and what is missing of it lies between."""
    way = line(20, (20, 60), (3, -2))
    film = write_folder(tmp_path / "a", [RAMP] * 20)
    write_pose(tmp_path / "a.pose", way, missing=[6, 7, 8, 12])
    found = centres(read(film, tmp_path))
    assert found[5:15] == pytest.approx(way[5:15], abs=0.3)


def test_smoothing_is_a_gaussian_s(tmp_path: Path) -> None:
    way = np.random.default_rng(1).uniform(30, 50, (9, 2))
    pose = write_pose(tmp_path / "a.pose", way, missing=[0, 8])
    found = boxes_of(pose, "mouth", Clip("a"), 25.0).centres
    way[0], way[8] = way[1], way[7]
    deviation, reach = 0.05 * 25, 5
    weights = [math.exp(-((step / deviation) ** 2) / 2) for step in range(-reach, reach + 1)]
    for frame in range(9):
        near = [way[min(max(frame + step, 0), 8)] for step in range(-reach, reach + 1)]
        expected = np.average(near, axis=0, weights=weights)
        assert found[frame] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rate", [25.0, 50.0, 12.5])
def test_film_and_pose_are_aligned_by_time(tmp_path: Path, rate: float) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 50)
    write_pose(tmp_path / "a.pose", line(round(2 * rate), (20, 60), (30 / rate, -20 / rate)), [],
               rate)  # fmt: skip
    for span, config, times in (
        ((0, None), {}, np.arange(50) / 25),
        ((400, 1400), {}, 0.4 + np.arange(25) / 25),
        ((400, 1400), {"fps": 5.0}, 0.4 + np.arange(5) / 5),
    ):
        found = centres(read(film, tmp_path, span, **config))
        assert len(found) == len(times)
        inside = (times > 0.25) & (times < 1.7)
        expected = np.array([20, 60]) + times[:, None] * [30, -20]
        assert found[inside] == pytest.approx(expected[inside], abs=0.4)
        assert inside.sum() > 4


def test_rates_that_were_rounded(tmp_path: Path) -> None:
    pose = write_pose(tmp_path / "a.pose", line(9, (50, 40), (0, 0)), rate=29.0)
    for film, expected in ((29.97, 29.97), (59.94, 29.0), (float("nan"), 29.0)):
        assert boxes_of(pose, "mouth", Clip("a"), film).rate == expected


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_film_s_pose_is_that_of_the_upright_pictures(tmp_path: Path, turns: int) -> None:
    """A red mouth moves over a grey film, which is stored turned."""
    way = line(12, (20, 30), (5, 3)).astype(int)
    pictures = []
    for x, y in way:
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        picture[y - 4 : y + 4, x - 8 : x + 8] = 255, 0, 0
        pictures.append(np.ascontiguousarray(np.rot90(picture, -turns)))
    film = write_film(tmp_path / "a.mp4", pictures, 90.0 * turns)
    write_pose(tmp_path / "a.pose", way)
    values = read(film, tmp_path)[3:9].astype(int)
    red = values[..., 0] - values[..., 2] > 120
    for one in red:
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert (rows.min(), rows.max()) == pytest.approx((7, 14), abs=1)
        assert (columns.min(), columns.max()) == pytest.approx((3, 18), abs=1)


# Which files


def test_one_frame_is_read_at_a_time(tmp_path: Path) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 3)
    (film / "2.png").write_bytes(b"broken")
    write_pose(tmp_path / "a.pose", line(3, (50, 40), (0, 0)))
    reader = VideoReader(VideoConfig(crop="mouth", poses=str(tmp_path)))
    frames = reader.frames(Clip(str(film)))
    assert next(frames).shape == next(frames).shape == (224, 224, 3)
    with pytest.raises(SignalError):
        next(frames)


def test_where_the_pose_of_a_film_is(tmp_path: Path) -> None:
    for name in ("a.pose", "day/a.pose", "day/b.1.pose"):
        (tmp_path / "poses" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "poses" / name).touch()
    (tmp_path / "films/day/b.1").mkdir(parents=True)
    for film, expected in {
        "films/a.mp4": "a.pose",
        "films/day/a.mp4": "day/a.pose",
        "films/night/a.mp4": "a.pose",
        "films/day/b.1": "day/b.1.pose",
        "films/day/../a.mp4": "a.pose",
    }.items():
        assert (
            pose_in(str(tmp_path / "poses"), str(tmp_path / film)) == tmp_path / "poses" / expected
        )
    reader = VideoReader(VideoConfig(crop="face", poses=str(tmp_path / "poses")))
    assert reader.files(Clip("day/a.mp4")) == [Path("day/a.mp4"), tmp_path / "poses/day/a.pose"]
    with pytest.raises(SignalError, match=r"c\.mp4: its pose is not in .*\(c\.pose is expected\)"):
        reader.files(Clip("c.mp4"))
    assert VideoReader(VideoConfig()).files(Clip("a.mp4")) == [Path("a.mp4")]
    assert VideoReader(VideoConfig(crop="face")).files(Clip("a.mp4")) == [Path("a.mp4")]


def test_without_a_folder_the_pose_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_folder(tmp_path / "a", [RAMP] * 2)
    pose = write_pose(tmp_path / "a.pose", line(2, (50, 40), (0, 0)), rate=10.0)
    asked = []

    def estimated(source: str, rate: float) -> Path:
        asked.append((source, rate))
        return pose

    monkeypatch.setattr(video, "estimated", estimated)
    reader = VideoReader(VideoConfig(crop="mouth", size=22, frame_rate=10.0))
    values = reader.read(Clip(str(film))).values.transpose(0, 2, 3, 1)
    assert asked == [(str(film), 10.0)]
    assert np.array_equal(values, read(film, tmp_path, frame_rate=10.0))


def test_without_mediapipe_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise estimate.PackageNotFoundError(name)

    monkeypatch.setattr(estimate, "version", absent)
    film = write_folder(tmp_path / "a", [RAMP])
    with pytest.raises(SignalError, match=r"the extra slp-encoders\[mediapipe\]"):
        VideoReader(VideoConfig(crop="mouth")).read(Clip(str(film)))


# What is refused


def refused(film: Path, folder: Path, **config: Any) -> str:
    """The one line that read, probe and frames have in common."""
    reader = VideoReader(VideoConfig(crop="mouth", poses=str(folder), **config))
    said = set()
    for look in (reader.read, reader.probe, lambda clip: [*reader.frames(clip)]):
        with pytest.raises(SignalError) as error:
            look(Clip(str(film), 0, 400))
        said.add(str(error.value))
    (line,) = said
    assert "\n" not in line and str(folder) in line
    return line


def test_what_is_refused_is_one_line(tmp_path: Path) -> None:
    film, pose = write_folder(tmp_path / "a", [RAMP] * 30), tmp_path / "a.pose"
    still = line(30, (50, 40), (0, 0))
    write_pose(pose, still, missing=[*range(12)])
    assert "a.pose: shows no face in the span that is read of" in refused(film, tmp_path)
    write_pose(pose, still, size=(HEIGHT, WIDTH))
    assert "pose of pictures of 80 x 100, its film shows 100 x 80" in refused(film, tmp_path)
    write_pose(pose, still, eyes=0)
    assert "its mouth would be 0 pixels of 100 x 80 wide" in refused(film, tmp_path)
    write_pose(pose, 0 * still, eyes=1e30)
    assert "its mouth would be 1.1e+30 pixels" in refused(film, tmp_path)
    write_pose(pose, still[:5])
    assert "a.pose: the span 0 ms to 400 ms lies outside the clip" in refused(film, tmp_path)
    poses.write(pose, poses.SMALL, *poses.random_body(poses.SMALL, 30))
    assert "face mesh (FACE_LANDMARKS) are needed; it holds POSE_LANDM" in refused(film, tmp_path)
    pose.write_bytes(b"no pose")
    assert "cannot be read" in refused(film, tmp_path)
    pose.unlink()
    assert "its pose is not in" in refused(film, tmp_path)


def test_a_pose_that_ends_before_its_film(tmp_path: Path) -> None:
    """As one of another film does, or of half of its frames a second."""
    film = write_folder(tmp_path / "a", [RAMP] * 30)
    reader = VideoReader(VideoConfig(crop="mouth", poses=str(tmp_path)))
    write_pose(tmp_path / "a.pose", line(20, (50, 40), (0, 0)))
    assert len(reader.read(Clip(str(film))).values) == 30
    write_pose(tmp_path / "a.pose", line(15, (50, 40), (0, 0)))
    for look in (reader.read, reader.probe):
        with pytest.raises(SignalError, match=r"ends after 0.600 s, its film shows .* at 1.080 s"):
            look(Clip(str(film)))


def test_poses_without_a_crop_are_refused() -> None:
    with pytest.raises(ValueError, match='crop = "mouth", "face" or "hand" only'):
        VideoConfig(poses="poses")


@pytest.mark.parametrize("hand", ["RIGHT", "LEFT"])
def test_the_square_follows_the_hand_that_is_seen(tmp_path: Path, hand: str) -> None:
    path = line(30, (30, 30), (2, 1))
    still = line(30, (50, 60), (0, 0))
    file = write_pose(tmp_path / "a.pose", still, missing=[7, 8], hand=(hand, path))
    boxes = boxes_of(file, "hand", Clip("a.mp4"), 25)
    assert boxes.side == pytest.approx(2.6 * EYES, rel=1e-3)
    assert np.allclose(boxes.centres[6:-6], path[6:-6], atol=0.1)


# Real clips


@pytest.mark.parametrize("name", ["lsa64_001_001_001", "pose_format_test_video"])
def test_a_real_mouth(
    shared_data: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the square there is more of the lips' red than above it."""
    film, folder = shared_data / "videos" / f"{name}.mp4", shared_data / "poses"
    if not (folder / f"{name}.pose").is_file():
        if find_spec("mediapipe") is None:
            pytest.skip(f"there is no pose of {name}, and MediaPipe is not installed")
        monkeypatch.setenv("SLP_CACHE", str(tmp_path / "cache"))
        folder = tmp_path
        estimate.write_pose(str(film), folder / f"{name}.pose")
    values = read(film, folder, size=96).astype(float)
    red = values[..., 0] / values.sum(-1).clip(1)  # (t, h, w)
    lips, above = red[:, 43:53, 36:60].mean((1, 2)), red[:, 0:24, 24:72].mean((1, 2))
    assert np.mean(lips > above + 0.01) > 0.8
