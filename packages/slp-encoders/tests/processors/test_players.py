"""Clips as they move in a report: films encoded anew, and skeletons."""

from __future__ import annotations

import re
from base64 import b64decode
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
from PIL import Image

from slp_core.signals import Clip, Signal
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig
from slp_encoders.processors.video.reader import VideoReader
from slp_encoders.processors.video.spec import VideoConfig


def write(path, greys, rate=25, size=(96, 64), rotation=None):
    """A film of one grey a frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=False, vflip=False)
        for number, grey in enumerate(greys):
            picture = np.full((size[1], size[0], 3), grey, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return str(path)


def decoded(film):
    """The pictures of an encoded film, and when each is shown."""
    with av.open(BytesIO(film.content)) as container:
        frames = list(container.decode(video=0))
    return [one.to_ndarray(format="rgb24") for one in frames], [float(one.time) for one in frames]


def play(path, start=0.0, end=None):
    return VideoReader(VideoConfig(size=16)).play(Clip(path, start, end))


def test_a_film_shows_what_the_clip_shows(tmp_path):
    greys = np.linspace(20, 230, 25).astype(int)  # 9 apart, and what coding loses is less
    path = write(tmp_path / "clip.mp4", greys)
    film = play(path)
    pictures, times = decoded(film)
    assert (film.kind, film.seconds) == ("video/webm", 1.0)
    assert times == pytest.approx(np.arange(25) / 25)
    assert {one.shape for one in pictures} == {(64, 96, 3)}
    assert np.abs([one.mean() for one in pictures] - greys).max() < 8
    pictures, times = decoded(play(path, 400, 800))
    assert times == pytest.approx(np.arange(10) / 25)
    assert np.abs([one.mean() for one in pictures] - greys[10:20]).max() < 8


def test_a_film_is_small_upright_and_no_faster_than_needed(tmp_path):
    greys = np.linspace(20, 230, 120).astype(int)
    film = play(write(tmp_path / "fast.mp4", greys, rate=60, size=(640, 300), rotation=90))
    pictures, times = decoded(film)
    assert {one.shape for one in pictures} == {(240, 112, 3)}
    assert film.seconds == pytest.approx(2) and times == pytest.approx(np.arange(50) / 25)
    shown = [one.mean() for one in pictures]
    assert np.abs(shown - np.interp(times, np.arange(120) / 60, greys)).max() < 8


def test_a_long_film_is_cut(tmp_path):
    path = write(tmp_path / "long.mp4", [100] * 400, rate=10, size=(32, 32))
    film = play(path)
    assert film.seconds == 30
    assert len(decoded(film)[0]) == 300


def test_a_film_is_the_same_every_time(tmp_path):
    path = write(tmp_path / "clip.mp4", range(0, 200, 10))
    assert play(path).content == play(path).content


def greys_of(strip):
    pictures = [re.search(r"base64,([^\"]+)", one)[1] for one in strip]
    return [np.asarray(Image.open(BytesIO(b64decode(one)))).mean() for one in pictures]


@pytest.mark.parametrize("count, frames", [(5, 5), (50, 8), (300, 8)])
def test_a_strip_is_of_the_whole_clip(tmp_path, count, frames):
    greys = np.linspace(20, 230, count).astype(int)
    path = write(tmp_path / "clip.mp4", greys, size=(32, 48))
    strip = VideoReader(VideoConfig(size=16)).show(Clip(path), 8)
    assert len(strip) == frames
    assert np.abs(greys_of(strip) - np.linspace(20, 230, frames)).max() < 10


def pose(config, steps, rate=25.0):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(steps, config.kept, config.coordinates + config.presence))
    values[..., -1] = rng.random((steps, config.kept)) < 0.8
    values[..., :-1] *= values[..., -1:]
    return Signal(values.reshape(steps, -1).astype(np.float32), rate)


@pytest.mark.parametrize(
    "steps, rate, shown, then",
    [(40, 25.0, 40, 25.0), (100, 50.0, 50, 25.0), (800, 10.0, 300, 10.0)],
)
def test_a_skeleton_moves_as_the_pose_does(monkeypatch, steps, rate, shown, then):
    config = PoseConfig()
    signal = pose(config, steps, rate)
    monkeypatch.setattr(PoseReader, "read", lambda self, clip: signal)
    found = PoseReader(config).play(Clip("a.pose"))
    assert (found.rate, found.points.shape, found.seen.shape) == (
        then,
        (shown, 178, 2),
        (shown, 178),
    )
    picked = signal.values[:: round(rate / then)][:shown].reshape(shown, 178, 4)
    there = picked[..., 3] > 0
    there[:, 6:8] = False  # hips
    assert np.array_equal(found.seen, there)
    # the same picture but for one shift and one scale, which fill the box
    ours, theirs = found.points[there], picked[there][:, :2]
    scale = np.ptp(ours[:, 0]) / np.ptp(theirs[:, 0])
    np.testing.assert_allclose(ours - ours.mean(0), scale * (theirs - theirs.mean(0)), atol=1e-3)
    assert ours.min() == pytest.approx(4) and ours.max() == pytest.approx(96)


def test_limbs_stay_in_the_hand_they_are_of(monkeypatch):
    config = PoseConfig()
    monkeypatch.setattr(PoseReader, "read", lambda self, clip: pose(config, 3))
    limbs = PoseReader(config).play(Clip("a.pose")).limbs
    for side, first in (("left hand", 136), ("right hand", 157)):
        assert {point for limb in limbs[side] for point in limb} == set(range(first, first + 21))
        assert len(limbs[side]) == 20
    assert {point for limb in limbs["body"] for point in limb} == set(range(6))


def test_what_is_not_seen_does_not_play(monkeypatch):
    config = PoseConfig()
    nothing = Signal(np.zeros((5, config.kept * 4), np.float32), 25.0)
    monkeypatch.setattr(PoseReader, "read", lambda self, clip: nothing)
    assert PoseReader(config).play(Clip("a.pose")) is None
