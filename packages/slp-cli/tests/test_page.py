"""The page without a browser: what is taken, what is answered, and what is shown of it."""

from __future__ import annotations

import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from slp_cli.page.answer import Answer, Translator
from slp_cli.page.drawing import HEIGHT, WIDTH, answer_html, bands, refusal_html, worth
from slp_cli.page.uploads import Intake, Limits
from slp_core.confidence import Calibration
from slp_core.errors import UserError
from slp_core.parts import Fusion, Note, Translation
from slp_core.sequence import Sequence
from slp_core.signals import Extent, Processor, Signal, SignalError

CALIBRATION = Calibration((0.1, 0.9), (0.1, 0.9), "sentence chrF / 100", "validation", 80, {})
OTHER = Translation("sun <b>", 0.3, (("sun", 0.1),))
SAID = Translation(
    "rain & wind",
    0.5,
    (("rain", 0.25), ("", 0.5)),
    {"streams.lips.mapper": "a i", "decoder.first": "RAIN <WIND>"},
    0.5,
    (Note("names", 'no "ANNA"', "rain & <anna>"),),
    (OTHER,),
)
SHARES = {"signing": [0.25, 0.0, 0.5], "lips": [0.75, 0.5, 0.25]}


class Reader(Processor):
    """Reads what is called .film; its text is how many seconds it lasts."""

    suffixes = (".film", ".mp4")

    def __init__(self, column: str = "video") -> None:
        super().__init__(None)
        self.column = column

    def read(self, clip: Any) -> Signal:
        raise AssertionError("nothing is to be decoded")

    def extent(self, clip: Any) -> Extent | None:
        text = Path(clip.source).read_text().split("x")[0].strip()
        if text == "?":
            return None
        if not text.replace(".", "").isdigit():
            raise SignalError(f"{clip.source}: cannot be read: no film")
        return Extent(float(text), round(float(text) * 25))


class Halves(Fusion):
    """Half of what goes on is each stream's."""

    def forward(self, streams: dict[str, Sequence]) -> Sequence:
        return next(iter(streams.values()))

    def shares(self, streams: dict[str, Sequence]) -> dict[str, Sequence]:
        return {n: s.with_values(torch.full(s.mask.shape, 0.5)) for n, s in streams.items()}


class Pipeline:
    """Says what is in a file, and is asked by one at a time."""

    def __init__(self, fusion: Fusion | None = None, expected: float | None = None) -> None:
        self.fusion, self.expected, self.asked = fusion, expected, 0
        self.parts = ("fusion",) if fusion else ()
        stream = SimpleNamespace(signal="video")
        self.recipe = SimpleNamespace(
            heard=["sign"], signals=["video"], streams={"sign": stream},
            header=SimpleNamespace(name="toy"),
        )  # fmt: skip
        self.reader = SimpleNamespace(
            processors={"sign": Reader()},
            only=lambda _: self.reader,
            show=lambda row, frames: {"sign": ["<path/>"], "again": ["<path/>"], "none": []},
        )

    def eval(self) -> Pipeline:
        return self

    def part(self, path: str) -> Any:
        return self.fusion

    def translate(self, files: dict[str, Path], alternatives: int = 0) -> Translation:
        self.asked += 1
        assert self.asked == 1, "two ask at once"
        time.sleep(0.01)
        if self.fusion is not None:
            steps = Sequence.pad([torch.zeros(4, 2)], [25.0])
            self.fusion({"left": steps, "right": steps})
        self.asked -= 1
        text = files["video"].read_text()
        return Translation(text, 0.5, expected=self.expected)


def clip(folder: Path, content: str = "2", name: str = "a.film") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    return folder / name


# What is taken


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.film", "a.film: is empty"),
        ("2" + "x" * 2000, "a.film", "has 0.0 MB; at most 10 seconds and 0.001 MB are taken"),
        ("10.5", "a.film", "lasts 10.5 seconds; at most 10 seconds and 0.001 MB are taken"),
        ("no film", "a.mp4", "a.mp4: cannot be read: no film"),
        ("2", "a.txt", "is none of the files that are taken here"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, name: str, said: str) -> None:
    intake = Intake("video", (Reader(),))
    with pytest.raises(UserError, match=re.escape(said)):
        intake.check(clip(tmp_path, content, name), Limits(10, 0.001))


@pytest.mark.parametrize("content", ["10", "0.1", "?"])
def test_what_is_taken(tmp_path: Path, content: str) -> None:
    Intake("video", (Reader(),)).check(clip(tmp_path, content), Limits(10, 0.001))


def test_a_heap_of_frames_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "extent", lambda *_: Extent(math.nan, 1201))
    with pytest.raises(UserError, match="has 1201 frames"):
        Intake("video", (Reader(),)).check(clip(tmp_path), Limits(10))
    monkeypatch.setattr(Reader, "extent", lambda *_: Extent(math.nan, 1200))
    Intake("video", (Reader(),)).check(clip(tmp_path), Limits(10))


def test_what_all_readers_of_a_signal_take() -> None:
    film, pose, any_name = Reader(), Reader(), Reader()
    pose.suffixes, any_name.suffixes = (".pose", ".mp4"), ()
    both = Intake("video", (film, pose, any_name))
    assert both.suffixes == (".mp4",) and both.takes_films and both.others == ()
    assert Intake("pose", (pose,)).kinds == ["video files", ".pose"]
    pose.suffixes = (".pose",)
    alone = Intake("pose", (pose,))
    assert alone.kinds == [".pose"] and not alone.takes_films and alone.others == (".pose",)
    assert Intake("x", (any_name,)).kinds == []


# What is answered


def test_threads_are_answered_as_one_alone_is(tmp_path: Path) -> None:
    translator = Translator(Pipeline(Halves(None)))  # type: ignore[arg-type]
    files = [clip(tmp_path / str(number), f"{number + 1}") for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        answers = [*threads.map(lambda file: translator({"video": file}), files)]
    assert [one.said.text for one in answers] == [str(number + 1) for number in range(12)]
    assert all(one.shares == {"left": [0.5] * 4, "right": [0.5] * 4} for one in answers)
    assert all(one.rate == 25 and one.seen == [["<path/>"]] for one in answers)


def test_the_fusion_is_left_as_it_was(tmp_path: Path) -> None:
    fusion = Halves(None)
    Translator(Pipeline(fusion))({"video": clip(tmp_path)})  # type: ignore[arg-type]
    assert not fusion._forward_hooks
    alone = Translator(Pipeline())({"video": clip(tmp_path)})  # type: ignore[arg-type]
    assert alone.shares == {} and math.isnan(alone.rate)


@pytest.mark.parametrize(("least", "withheld"), [(None, False), (0.4, False), (0.6, True)])
def test_withheld_below_what_is_asked_for(tmp_path: Path, least: Any, withheld: bool) -> None:
    translator = Translator(Pipeline(expected=0.5), reject_below=least)  # type: ignore[arg-type]
    assert translator({"video": clip(tmp_path)}).withheld is withheld


def test_refusals_name_files_without_their_folders(tmp_path: Path) -> None:
    translator = Translator(Pipeline())  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^a\.film: is empty$"):
        translator({"video": clip(tmp_path, "")})
    with pytest.raises(UserError, match="there is no video yet: choose a file first"):
        translator({})


def test_what_is_made_of_uploads_is_deleted(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    clip(cache, name="estimated.pose")
    translator = Translator(Pipeline(), cache=cache)  # type: ignore[arg-type]
    translator({"video": clip(tmp_path)})
    assert not cache.exists()


def test_text_is_no_file() -> None:
    pipeline = Pipeline()
    pipeline.reader.processors["sign"].reads_files = False
    with pytest.raises(UserError, match="toy: reads `video`, which is text and no file"):
        Translator(pipeline)  # type: ignore[arg-type]


# What is shown


class Page(HTMLParser):
    """Fails on tags that are not closed in order; keeps texts and tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.text, self.tags = list[str](), "", list[tuple[str, dict]]()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(answer: Answer, calibration: Calibration | None = CALIBRATION) -> Page:
    return Page(answer_html(answer, calibration, "en"))


def test_all_of_an_answer_is_shown_as_it_was_said() -> None:
    page = shown(Answer(SAID, False, SHARES, 25.0, [["<path/>", "<path/>"]]))
    text = " ".join(page.text.split())
    for part in ("rain & wind", "sun <b> 10 %", "12 %", 'no "ANNA"', "rain & <anna>", "RAIN <WIND>",
                 "lips", "decoder first", "signing 25 %", "lips 50 %", "0.1 s"):  # fmt: skip
        assert part in text
    assert "on 80 clips of the validation data" in text and "0.50" in text
    pictures = [attrs for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert len(pictures) == 3 and all(one["aria-label"] for one in pictures)
    assert sum(tag == "polygon" for tag, _ in page.tags) == 2


def test_nothing_of_what_is_withheld_is_shown() -> None:
    text = shown(Answer(SAID, True, SHARES, 25.0, [])).text
    assert "Withheld" in text and "0.50" in text
    for part in ("rain", "sun", "ANNA", "RAIN", "decoder"):
        assert part not in text


def test_a_bare_answer() -> None:
    bare = Translation("", 0.5)
    text = shown(Answer(bare, False, {}, math.nan, []), None).text
    assert "(nothing)" in text and "What the model thinks of it confidence 0.50" in " ".join(
        text.split()
    )
    for part in ("else", "read", "stream counted", "seen"):
        assert part not in text


def test_what_it_is_worth_rises_with_what_is_expected() -> None:
    grades = [worth(evolve(SAID, expected=e), CALIBRATION).headline for e in (0.2, 0.35, 0.6)]
    assert len({*grades}) == 3
    assert worth(SAID, None).value == SAID.confidence  # not calibrated: its own, and no grade
    assert worth(SAID, None).headline not in grades
    assert worth(evolve(SAID, expected=None), CALIBRATION).value == SAID.confidence


@given(st.integers(1, 20).flatmap(lambda n: st.lists(
    st.lists(st.floats(0, 0.33), min_size=n, max_size=n), min_size=1, max_size=3)))  # fmt: skip
def test_bands_lie_upon_one_another_and_are_as_high_as_the_shares(
    values: list[list[float]],
) -> None:
    shares = {str(number): one for number, one in enumerate(values)}
    below = [0.0] * len(values[0])
    for band, share in zip(bands(shares), values, strict=True):
        places = [tuple(map(float, one.split(","))) for one in band.points.split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
        half = len(places) // 2
        above, under = places[1 : half - 1], places[half + 1 : -1][::-1]
        for step, ((x, top), (x2, bottom)) in enumerate(zip(above, under, strict=True)):
            assert x == x2
            assert (HEIGHT - bottom) / HEIGHT == pytest.approx(below[step], abs=1e-3)
            assert (bottom - top) / HEIGHT == pytest.approx(share[step], abs=2e-3)
        below = [low + high for low, high in zip(below, share, strict=True)]
        assert band.mean == pytest.approx(sum(share) / len(share))


def test_a_refusal_is_an_alert_and_escaped() -> None:
    page = Page(refusal_html("<i>.mp4: is empty", "It takes films."))
    assert page.tags[0][1]["role"] == "alert"
    assert "<i>.mp4: is empty" in page.text and "It takes films." in page.text
