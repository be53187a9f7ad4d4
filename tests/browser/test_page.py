"""`slp serve` end to end: a process, a real browser, clips dropped and recorded."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.browser

FILM = """
[recipe]
name = "tiny-film"
description = "Two experts and lips, untrained."

[data]
root = "data/tiny"
train = "train.tsv"
language = "en"

[streams.frames]
signal = "video"
processor = { use = "video", size = 32 }
encoder = { use = "resnet", scratch = { embedding_size = 8, hidden_sizes = [8], depths = [1] } }

[streams.signing]
from = "frames"
mapper = { use = "linear", dim = 16 }

[streams.fingerspelling]
from = "frames"
mapper = { use = "linear", dim = 16 }

[streams.lips]
from = "frames"
mapper = { use = "linear", dim = 16 }

[fusion]
use = "adaptive-gate"
streams = ["frames", "signing", "fingerspelling", "lips"]
route = { on = "frames", between = ["signing", "fingerspelling"] }
gate = { with = "lips" }

[mapper]
use = "linear"

[decoder]
use = "seq2seq"
scratch = { dim = 32, layers = 1, heads = 2, ffn = 64, init_std = 0.3 }
generation = { num_beams = 3, max_new_tokens = 8 }
"""
#: a camera that films a square which moves, and tells what it was asked for
CAMERA = """
const picture = document.createElement('canvas');
[picture.width, picture.height] = [64, 64];
let step = 0;
setInterval(() => {
  const draw = picture.getContext('2d');
  draw.fillStyle = '#888'; draw.fillRect(0, 0, 64, 64);
  draw.fillStyle = '#fff'; draw.fillRect(step++ % 48, 24, 16, 16);
}, 40);
window.asked = [];
const lens = {deviceId: 'a', groupId: 'a', kind: 'videoinput', label: 'a lens'};
lens.toJSON = () => lens;
Object.defineProperty(navigator, 'mediaDevices', {value: {
  getUserMedia: async (wanted) => { window.asked.push(wanted); return picture.captureStream(25); },
  enumerateDevices: async () => [lens],
  addEventListener: () => {},
}});
"""
ANSWER = "#answer .answer"
REFUSAL = "#answer [role=alert]"


class Served:
    """A process that serves a run, and where it keeps uploads."""

    def __init__(self, run: Path, folder: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url, self.folder, self.log = f"http://127.0.0.1:{self.port}", folder, folder / "log"
        place = folder / "place"
        place.mkdir()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
                       "TMPDIR": str(place), "HOME": str(place)}  # fmt: skip
        command = [sys.executable, "-m", "slp_cli.main", "serve", str(run), "--port",
                   str(self.port), *options]  # fmt: skip
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        for _ in range(600):
            try:
                urlopen(self.url).close()
                return
            except URLError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    def kept(self) -> list[Path]:
        """The files that are on the disk because of what was uploaded."""
        return [one for one in (self.folder / "place").glob("slp-serve-*/**/*") if one.is_file()]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        assert "Traceback" not in self.log.read_text(), self.log.read_text()
        assert [*(self.folder / "place").glob("slp-serve-*")] == []


Start = Callable[..., Served]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    started: list[Served] = []

    def served(run: Path, *options: str) -> Served:
        started.append(Served(run, tmp_path_factory.mktemp("served"), *options))
        return started[-1]

    yield served
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def poses(start: Start, home: Path) -> Served:
    return start(home / "runs/quickstart")


@pytest.fixture(scope="module")
def film_run(home: Path) -> Path:
    (home / "film.toml").write_text(FILM)
    command = [sys.executable, "-m", "slp_cli.main", "build", "film.toml", "-o", "runs/film"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)
    return home / "runs/film"


@pytest.fixture(scope="module")
def films(start: Start, film_run: Path) -> Served:
    return start(film_run, "--max-seconds", "20", "--max-megabytes", "2")


def opened(page, served: Served):
    page.goto(served.url)
    page.wait_for_selector("#answer")
    return page


def drop(page, file: Path) -> None:
    """Choose a file, and wait until it is there."""
    with page.expect_response(lambda one: "/upload" in one.url and one.request.method == "POST"):
        page.set_input_files("input[type=file]", file)
    page.wait_for_selector("button[aria-label=Clear], button[aria-label^=Remove]")


def ask(page) -> None:
    page.get_by_role("button", name="Translate").click()


def sentence(page) -> str:
    page.wait_for_selector(ANSWER)
    return page.inner_text("#answer .sentence")


def overflows(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (400, True)])
def test_a_pose_file_is_translated_as_on_the_command_line(
    browser_page, poses: Served, slp, home: Path, width: int, dark: bool
) -> None:
    page = opened(browser_page(width, 900, dark=dark), poses)
    assert page.title() == page.inner_text("h1") == "tiny-multimodalhugs-pose"
    about = page.inner_text("#about")
    assert "Not to be relied upon" in about and "deleted" in about and ".pose" in about
    drop(page, home / "clip.pose")
    page.get_by_role("button", name="Translate").focus()
    page.keyboard.press("Enter")
    said = slp("translate", "runs/quickstart", "clip.pose").stdout.strip()
    assert sentence(page) == said
    assert page.locator(".strip svg").count() == 8
    assert page.locator("#answer polygon").count() == 0  # nothing is fused
    assert not overflows(page)
    button, answer = (page.locator(one).bounding_box() for one in ("button.primary", "#answer"))
    assert (answer["x"] > button["x"] + button["width"]) is (width == 1600)
    assert poses.kept() == []


def test_two_pages_at_once_with_the_same_clip_and_another(
    browser_page, poses: Served, slp, home: Path
) -> None:
    other = next(one for one in (home / "data/tiny").rglob("*.pose")
                 if one.read_bytes() != (home / "clip.pose").read_bytes())  # fmt: skip
    files = [home / "clip.pose", home / "clip.pose", other]
    pages = [opened(browser_page(), poses) for _ in files]
    for page, file in zip(pages, files, strict=True):
        drop(page, file)
    for page in pages:
        ask(page)
    said = slp("translate", "runs/quickstart", *files).stdout.splitlines()
    assert [sentence(page) for page in pages] == said
    assert poses.kept() == []


def test_a_film_is_translated_and_its_streams_are_drawn(
    browser_page, films: Served, slp, home: Path
) -> None:
    said = slp("translate", "runs/film", "clip.mp4").stdout.strip()
    for width, dark in ((400, False), (1600, True)):
        page = opened(browser_page(width, 900, dark=dark), films)
        drop(page, home / "clip.mp4")
        assert page.get_by_role("button", name="Trim").count() == 0  # it would fetch a program
        ask(page)
        assert sentence(page) == said
        assert page.locator("#answer polygon").count() == 3
        assert "signing" in page.inner_text("#answer figcaption")
        assert page.locator(".alternatives li").count() > 1
        assert not overflows(page)
    assert films.kept() == []


def test_what_the_camera_records_is_translated_and_no_sound_is_asked_for(
    browser_page, films: Served
) -> None:
    page = browser_page()
    page.add_init_script(CAMERA)
    opened(page, films)
    page.get_by_role("button", name="Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.locator(".capture-button", has_text="Record").click()
    page.wait_for_timeout(1500)
    with page.expect_response(lambda one: "/upload" in one.url and one.request.method == "POST"):
        page.locator(".capture-button", has_text="Stop").click()
    page.wait_for_selector("button[aria-label=Clear]")
    assert page.evaluate("window.asked.length") and not page.evaluate(
        "window.asked.some(one => one.audio)"
    )
    ask(page)
    assert sentence(page)
    assert films.kept() == []


def test_what_is_no_film_is_refused_on_the_page(
    browser_page, films: Served, home: Path, tmp_path: Path
) -> None:
    film = (home / "clip.mp4").read_bytes()
    (tmp_path / "text.mp4").write_text("these are words, and no film\n")
    (tmp_path / "cut.mp4").write_bytes(film[: len(film) // 2])
    sound(tmp_path / "sound.mp4")
    page = opened(browser_page(), films)
    for name, said in [
        ("text.mp4", "cannot be read"),
        ("cut.mp4", "cannot be read"),
        ("sound.mp4", "has no video stream"),
    ]:
        drop(page, tmp_path / name)
        ask(page)
        page.wait_for_selector(f"{REFUSAL}:has-text('{name}')")
        told = page.inner_text(REFUSAL)
        assert f"{name}: {said}" in told and "It takes video files" in told
        assert "/" not in told.replace("MB/", "")
    ask(page)
    page.wait_for_selector(f"{REFUSAL}:has-text('choose a file first')")
    drop(page, home / "clip.mp4")  # and it goes on
    ask(page)
    assert sentence(page)
    assert films.kept() == []


def test_what_is_too_large_is_refused_while_it_comes(films: Served) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    body += b"\0" * 2_100_000 + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with pytest.raises(HTTPError, match="413"):
        urlopen(Request(f"{films.url}/gradio_api/upload", body, kind))
    assert films.kept() == []


def sound(file: Path) -> None:
    """Write a second of silence."""
    import wave

    with wave.open(str(file.with_suffix(".wav")), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(bytes(16000))
    shutil.move(file.with_suffix(".wav"), file)
