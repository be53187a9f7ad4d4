"""Poses from films: by an estimator that is simple enough to foresee, and by MediaPipe itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pose_format import Pose

from slp_core.errors import UserError
from slp_core.signals import Clip, SignalError
from slp_encoders.processors.mediapipe import estimate
from slp_encoders.processors.mediapipe.folder import pose_folder
from slp_encoders.processors.mediapipe.reader import MediaPipeReader
from slp_encoders.processors.mediapipe.spec import SPEC, MediaPipeConfig
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import SPEC as POSE
from slp_encoders.processors.pose.spec import PoseConfig

from . import fake_mediapipe, poses

GREYS = [40, 80, 120, 160, 200, 240]
HAND = 8 + 128 + 21  #: the first point of the right hand in a reduced Holistic


def forget() -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "mediapipe" or name == "pose_format.utils.holistic":
            del sys.modules[name]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fake(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("fake")
    components = poses.FULL
    fake_mediapipe.write(folder, components["POSE_LANDMARKS"], components["LEFT_HAND_LANDMARKS"])
    forget()
    monkeypatch.syspath_prepend(folder)
    yield
    forget()


def write(path: Path, greys: list[int], size: tuple[int, int] = (64, 48)) -> Path:
    """A film of greys at 10 frames a second, or a folder of them."""
    pictures = [Image.new("RGB", size, (grey,) * 3) for grey in greys]
    if not path.suffix:
        path.mkdir(parents=True)
        for number, picture in enumerate(pictures):
            picture.save(path / f"{number}.png")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


def hand(values: np.ndarray) -> np.ndarray:
    """The x of the right hand's wrist: ``t``."""
    return values.reshape(len(values), 178, 4)[:, HAND, 0]


def expected(greys: list[int]) -> np.ndarray:
    return (np.array(greys) / 255 - 0.5) / 0.2  # mid-shoulder 0, shoulder distance 1


def test_a_film_is_read_as_the_pose_estimated_from_it(fake: None, tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", GREYS)
    for reader in (PoseReader(PoseConfig()), MediaPipeReader(MediaPipeConfig())):
        signal = reader.read(Clip(str(film)))
        assert signal.rate == 10 and signal.values.shape == (6, 178 * 4)
        assert hand(signal.values) == pytest.approx(expected(GREYS), abs=0.05)
        seen = signal.values.reshape(6, 178, 4)[..., 3]
        assert (seen.sum(1) == 2 + 21).all()
        part = reader.read(Clip(str(film), 200, 400))
        assert hand(part.values) == pytest.approx(expected(GREYS[2:4]), abs=0.05)
    estimate.write_pose(str(film), tmp_path / "a.pose")
    written = PoseReader(PoseConfig()).read(Clip(str(tmp_path / "a.pose")))
    assert np.array_equal(written.values, signal.values) and written.rate == signal.rate


def test_the_file_is_in_pose_format_s_layout(fake: None, tmp_path: Path) -> None:
    estimate.write_pose(str(write(tmp_path / "a.mp4", GREYS)), tmp_path / "a.pose")
    pose = Pose.read((tmp_path / "a.pose").read_bytes())
    found = {part.name: list(part.points) for part in pose.header.components}
    assert {name: len(points) for name, points in found.items()} == {
        name: len(points) for name, points in poses.FULL.items()
    }
    assert pose.header.dimensions.width == 64 and pose.header.dimensions.height == 48
    assert pose.body.data.shape == (6, 1, 576, 3) and pose.body.fps == 10


def test_a_folder_of_pictures_is_a_film(fake: None, tmp_path: Path) -> None:
    folder = write(tmp_path / "film", GREYS)
    signal = PoseReader(PoseConfig()).read(Clip(str(folder)))
    assert signal.rate == 25
    assert hand(signal.values) == pytest.approx(expected(GREYS), abs=0.01)
    assert MediaPipeReader(MediaPipeConfig(frame_rate=50.0)).read(Clip(str(folder))).rate == 50


def test_a_film_is_estimated_once(
    fake: None, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write(tmp_path / "a.mp4", GREYS)
    first = PoseReader(PoseConfig()).read(Clip(str(film)))
    film.rename(tmp_path / "b.mp4")
    monkeypatch.setattr(estimate, "write_pose", None)
    again = PoseReader(PoseConfig()).read(Clip(str(tmp_path / "b.mp4")))
    assert np.array_equal(first.values, again.values)
    monkeypatch.undo()
    monkeypatch.setenv("SLP_CACHE", str(cache))


def test_a_film_that_changed_is_estimated_anew(fake: None, cache: Path, tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", GREYS)
    before = PoseReader(PoseConfig()).read(Clip(str(film)))
    write(film, GREYS[::-1])
    after = PoseReader(PoseConfig()).read(Clip(str(film)))
    assert hand(after.values) == pytest.approx(hand(before.values)[::-1], abs=0.05)
    assert len([*cache.glob("poses/*.pose")]) == 2
    assert len([*cache.glob("poses/*")]) == 2  # nothing half


def test_a_pipeline_of_poses_fits_films() -> None:
    for config in ({}, {"normalize": "hands", "dominant": True}, {"points": 9, "fps": 5.0}):
        ours = SPEC.signature(MediaPipeConfig(**config), "video")  # type: ignore[misc]
        assert str(ours) == str(POSE.signature(PoseConfig(**config), "pose"))  # type: ignore[misc]


def test_what_cannot_be_estimated_is_one_line(fake: None, tmp_path: Path) -> None:
    black = write(tmp_path / "black.mp4", [0, 0])
    (tmp_path / "text.mp4").write_text("no film")
    for name, said in [
        (black.name, "MediaPipe sees nobody in it"),
        ("text.mp4", "cannot be read"),
        ("absent.mp4", "cannot be read: No such file"),
    ]:
        with pytest.raises(SignalError, match=said) as error:
            PoseReader(PoseConfig()).read(Clip(str(tmp_path / name)))
        assert "\n" not in str(error.value) and name in str(error.value)


def test_without_mediapipe_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise estimate.PackageNotFoundError(name)

    monkeypatch.setattr(estimate, "version", absent)
    film = write(tmp_path / "a.mp4", GREYS)
    with pytest.raises(SignalError, match=r"the extra slp-encoders\[mediapipe\]") as error:
        PoseReader(PoseConfig()).read(Clip(str(film)))
    assert "\n" not in str(error.value) and str(film) in str(error.value)


def test_the_pose_is_drawn_over_the_film(fake: None, tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", GREYS, size=(80, 40))
    drawn = PoseReader(PoseConfig()).show(Clip(str(film)), 3)
    assert len(drawn) == 3
    # 80 x 40 lies in the middle of 100 x 100: a picture's width is 100, its top at 25
    assert all('<image x="0.0" y="25.0" width="100.0" height="50.0"' in one for one in drawn)
    assert all('"M60.0 50.0L40.0 50.0"' in one for one in drawn)  # from shoulder to shoulder
    for one, grey in zip(drawn, (GREYS[0], GREYS[2], GREYS[5]), strict=True):
        (x,) = re.findall(r'd="M([\d.]+) 50\.0L[^"]*" fill="none" stroke="#2ee6a8"', one)
        assert float(x) == pytest.approx(100 * grey / 255, abs=1)


def test_a_pose_file_is_drawn_as_before(tmp_path: Path) -> None:
    coordinates, confidence = poses.random_body(poses.REDUCED, 10)
    clip = Clip(str(poses.write(tmp_path / "a.pose", poses.REDUCED, coordinates, confidence)))
    reader = PoseReader(PoseConfig())
    assert reader.show(clip, 4) == reader.sketch(reader.read(clip), 4)


# Whole folders


def test_a_folder_of_films_becomes_a_folder_of_poses(fake: None, tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    write(films / "a.mp4", GREYS)
    write(films / "sub" / "b.1.mkv", GREYS[:3])
    write(films / "sub" / "c.2" / "frames", GREYS[:2])
    write(films / "black.mp4", [0, 0])
    (films / "notes.txt").write_text("nothing")
    counts: list[tuple[int, int]] = []
    made, bad = pose_folder(films, out, rate=5.0, jobs=2, progress=lambda *c: counts.append(c))
    assert made == 3 and bad == [f"{films / 'black.mp4'}: MediaPipe sees nobody in it"]
    assert counts == [(number, 4) for number in (1, 2, 3, 4)]
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert found == ["a.pose", "sub/b.1.pose", "sub/c.2/frames.pose"]
    pose = Pose.read((out / "sub/c.2/frames.pose").read_bytes())
    assert pose.body.fps == 5 and len(pose.body.data) == 2


def test_what_is_there_is_not_estimated_again(fake: None, tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    for name in "ab":
        write(films / f"{name}.mp4", GREYS[:2])
    out.mkdir()
    (out / "a.pose").write_bytes(b"kept")
    counts: list[tuple[int, int]] = []
    assert pose_folder(films, out, progress=lambda *c: counts.append(c)) == (2, [])
    assert (out / "a.pose").read_bytes() == b"kept" and counts == [(2, 2)]


def test_folders_that_cannot_be_meant_are_refused(fake: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no video"):
        pose_folder(tmp_path, tmp_path / "out")
    write(tmp_path / "a.mp4", GREYS[:2])
    write(tmp_path / "a.mkv", GREYS[:2])
    with pytest.raises(UserError, match=r"a\.mp4: its pose would have the same name as .*a\.mkv"):
        pose_folder(tmp_path, tmp_path / "out")


# MediaPipe itself

real = pytest.mark.skipif(
    find_spec("mediapipe") is None, reason="MediaPipe is not installed (slp-encoders[mediapipe])"
)


@real
def test_mediapipe_finds_the_hands(cache: Path, shared_data: Path) -> None:
    clip = Clip(str(shared_data / "videos" / "lsa64_001_001_001.mp4"))
    config = {"normalize": "hands", "dominant": True, "coordinates": 2, "presence": False}
    values = PoseReader(PoseConfig(**config)).read(clip).values  # type: ignore[arg-type]
    assert values.shape == (88, 21 * 2) and values.any(1).all()
    whole = PoseReader(PoseConfig()).read(clip).values.reshape(88, 178, 4)
    assert whole[:, HAND:, 3].all()  # the right hand is raised from the first frame to the last
    assert not whole[:, HAND - 21 : HAND, 3].any()  # the left one hangs outside the picture
    # both the body's wrist and the hand's are one
    gap = np.linalg.norm(whole[:, HAND, :2] - whole[:, 5, :2], axis=-1)
    assert gap.max() < 0.3  # shoulder widths


@real
def test_mediapipe_is_run_as_by_pose_format(cache: Path, shared_data: Path, tmp_path: Path) -> None:
    from pose_format.utils.holistic import load_holistic

    source = str(shared_data / "videos" / "pose_format_test_video.mp4")
    with av.open(source) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    options = {"model_complexity": 1}
    height, width = frames[0].shape[:2]
    theirs = load_holistic(
        frames, 29.92, width, height, additional_holistic_config=options, reuse=False
    )
    estimate.write_pose(source, tmp_path / "a.pose")
    ours = Pose.read((tmp_path / "a.pose").read_bytes())
    assert np.array_equal(ours.body.confidence > 0, theirs.body.confidence > 0)
    assert np.allclose(ours.body.data.filled(0), theirs.body.data.filled(0), atol=1e-2)
