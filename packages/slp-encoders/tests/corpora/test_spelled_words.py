"""Words joined from clips of single letters."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_core.signals import Clip
from slp_encoders.corpora.fingerspelling.importer import Fingerspelling
from slp_encoders.corpora.fingerspelling.spec import FingerspellingConfig, JoinConfig
from slp_encoders.corpora.fingerspelling.words import FPS, SLIDE, hold, join, palm, still
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig

LETTERS = {"ab": "ABCDEFGH", "cd": "ABCDE", "ef": "abcde"}
HELD = 12  #: still frames of a clip
WIDTH = 500


def shape(language: str, letter: str) -> np.ndarray:
    """``21 3``: a hand that no other letter has, in a place of its own."""
    rng = np.random.default_rng([*language.encode(), *letter.encode()])
    return np.array([200, 250, 0]) + rng.uniform(-50, 50, (21, 3))


def film(points: np.ndarray, held: int = HELD, way: int = 5) -> np.ndarray:
    """``t 21 3``: the hand comes up from below, is still, goes down."""
    down = np.linspace(1, 0, way, endpoint=False)[:, None, None] * np.array([0, 300, 0])
    return np.concatenate([points + down, np.repeat(points[None], held, 0), points + down[::-1]])


def write_clip(file: Path, hand: np.ndarray, side: str = "RIGHT") -> None:
    """A file with both hands, one of which is never seen."""
    names = [str(number) for number in range(21)]
    header = PoseHeader(
        0.2,
        PoseHeaderDimensions(WIDTH, 500, 500),
        [
            PoseHeaderComponent(f"{one}_HAND_LANDMARKS", names, [(0, 1)], [(0, 0, 0)], "XYZC")
            for one in ("LEFT", "RIGHT")
        ],
    )
    values, seen = np.zeros((2, len(hand), 21, 3), np.float32), np.zeros((2, len(hand), 21))
    values[int(side == "RIGHT")], seen[int(side == "RIGHT")] = hand, 1
    body = NumPyPoseBody(
        FPS,
        np.concatenate(values, 1)[:, None],
        np.concatenate(seen, 1)[:, None].astype(np.float32),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        Pose(header, body).write(stream)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    lines = ["path\tlanguage\tletter\tframes\tfps"]
    for language, letters in LETTERS.items():
        for letter in letters:
            path = f"{language}/{letter}.pose"
            write_clip(folder / path, film(shape(language, letter)))
            lines.append(f"{path}\t{language}\t{letter}\t22\t25")
    (folder / "index.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def make(source: Path, out: Path, **join: int) -> dict[str, Path]:
    config = FingerspellingConfig(
        str(source), "ef", "cd", JoinConfig(**{"words": 40, "test_words": 20} | join)
    )
    return Fingerspelling(config).make(out)


@given(st.integers(2, 30), st.integers(2, 8), st.floats(0.01, 100))
def test_a_hold_is_what_lies_between_coming_up_and_going_down(held, way, size):
    hand = film(shape("ab", "A"), held, way) * size
    assert np.array_equal(still(hand, FPS), hand[way : way + held])


def test_what_a_hand_draws_is_kept():
    first, second = shape("ab", "A"), shape("ab", "A") + np.array([60, 0, 0])
    drawn = first + np.linspace(0, 1, 4)[1:-1, None, None] * (second - first)
    hand = np.concatenate([film(first)[: 5 + HELD], drawn, film(second)[5:]])
    assert np.array_equal(still(hand, FPS), hand[5 : 5 + HELD + 2 + HELD])


def test_a_hand_that_is_never_still(tmp_path):
    write_clip(tmp_path / "a.pose", film(shape("ab", "A"), held=1))
    with pytest.raises(UserError, match=r"a\.pose: its hand is never still"):
        hold(tmp_path / "a.pose")


def test_a_left_hand_is_held_as_a_right_hand(tmp_path):
    hand = film(shape("ab", "A"))
    write_clip(tmp_path / "right.pose", hand)
    write_clip(tmp_path / "left.pose", np.array([WIDTH, 0, 0]) + hand * [-1, 1, 1], "LEFT")
    left, right = hold(tmp_path / "left.pose"), hold(tmp_path / "right.pose")
    assert len(right) == HELD
    assert np.allclose(left, right, atol=1e-3)


@given(st.integers(0, 2**32))
def test_letters_are_held_and_the_ways_between_them_are_straight(seed):
    letters = list("ABCD")
    shapes = [shape("ab", letter) for letter in letters]
    holds = [np.repeat(one[None], HELD, 0) for one in shapes]
    word = join(holds, letters, 2.5, np.random.default_rng(seed))
    place = 0
    for number, one in enumerate(shapes):
        held = next(n for n in range(len(word)) if place + n == len(word)
                    or not np.allclose(word[place + n], one))  # fmt: skip
        assert 4 <= held <= 10
        place += held
        if number < 3:
            way = shapes[number + 1] - one
            steps = next(n for n in range(9) if np.allclose(word[place + n], shapes[number + 1]))
            assert 2 <= steps <= 4
            for step in range(steps):
                assert np.allclose(word[place + step], one + way * (step + 1) / (steps + 1))
            place += steps
    assert place == len(word)


def test_a_hold_is_played_from_its_beginning_to_its_end():
    drawn = shape("ab", "A") + np.linspace(0, 60, 20)[:, None, None] * np.array([1, 0, 0])
    (word,) = [join([drawn], ["A"], 2.5, np.random.default_rng(0))]
    assert np.allclose(word[[0, -1]], drawn[[0, -1]])
    assert np.allclose(np.diff(word[:, 0, 0]), 60 / (len(word) - 1))


def test_a_letter_that_comes_again_is_slid_outwards():
    one = np.repeat(shape("ab", "A")[None], HELD, 0)
    other = np.repeat(shape("ab", "B")[None], HELD, 0)
    word = join([one, one, one, other], list("AAAB"), 2.5, np.random.default_rng(0))
    places = [float(x) for x, run in groupby(word[:, 0, 0]) if len([*run]) >= 4]
    out = SLIDE * palm(one)
    start = one[0, 0, 0]
    assert places == pytest.approx([start, start - out, start - 2 * out, other[0, 0, 0]])
    slid = word[: np.flatnonzero(np.isclose(word[:, 0, 0], start - 2 * out))[-1]]
    assert np.allclose(slid - slid[:, :1], one[0] - one[0, 0])  # the handshape stays


def test_the_corpus_is_a_function_of_its_settings(source, tmp_path):
    def content(folder: Path) -> dict[str, bytes]:
        return {str(one.relative_to(folder)): one.read_bytes()
                for one in sorted(folder.rglob("*")) if one.is_file()}  # fmt: skip

    make(source, tmp_path / "one")
    make(source, tmp_path / "two", words=60)  # longer; what is too much goes
    make(source, tmp_path / "two")
    make(source, tmp_path / "three", seed=1)
    one, two, three = (content(tmp_path / name) for name in ("one", "two", "three"))
    assert len(one) == 3 + 40 + 2 * 20
    assert one == two
    assert one["test.tsv"] != three["test.tsv"]


def test_what_is_tested_is_never_trained_on(source, tmp_path):
    made = {split: [*read_manifest(file)] for split, file in make(source, tmp_path).items()}
    sizes = {split: len(rows) for split, rows in made.items()}
    assert sizes == {"train": 40, "validation": 20, "test": 20}
    languages = {split: {row.get("language") for row in rows} for split, rows in made.items()}
    assert languages == {"train": {"ab"}, "validation": {"cd"}, "test": {"ef"}}
    for split, rows in made.items():
        for row in rows:
            clips = row.get("clips").split()
            assert {clip[:2] for clip in clips} <= languages[split]
            assert [clip[3].upper() for clip in clips] == list(row.get("text"))
            assert row.get("letters") == row.get("text")


def test_lengths_and_letters_are_uniform(source, tmp_path):
    rows = [*read_manifest(make(source, tmp_path, words=800, shortest=2, longest=5)["train"])]
    lengths = Counter(len(row.get("text")) for row in rows)
    letters = Counter("".join(row.get("text") for row in rows))
    assert set(lengths) == {2, 3, 4, 5} and min(lengths.values()) > 150
    assert set(letters) == set(LETTERS["ab"])
    assert max(letters.values()) < 1.3 * min(letters.values())


def test_a_words_file_holds_its_letters_in_order(source, tmp_path):
    reader = PoseReader(PoseConfig(normalize="hands", dominant=True, coordinates=2, presence=False))
    for row in read_manifest(make(source, tmp_path)["test"]):
        signal = reader.read(Clip(str(row.path("pose"))))
        assert signal.rate == FPS
        pose = Pose.read(row.path("pose").read_bytes())
        frames = np.asarray(pose.body.data)[:, 0]
        held = [run for run, _ in groupby(_nearest(frames)) if run]
        assert "".join(held).upper() == "".join(one for one, _ in groupby(row.get("text")))
        assert len(signal.values) == len(frames)


def _nearest(frames: np.ndarray) -> list[str]:
    """For every frame the letter that it shows, wherever the hand is; "" on the ways."""
    known = {letter: shape("ef", letter) for letter in LETTERS["ef"]}
    return [
        next((letter for letter, hand in known.items()
              if np.allclose(frame - frame[0], hand - hand[0], atol=1e-2)), "")
        for frame in frames
    ]  # fmt: skip


def test_a_validation_language_for_single_letters(source, tmp_path):
    config = FingerspellingConfig(str(source), "ef", validation="cd")
    made = Fingerspelling(config).make(tmp_path)
    texts = {split: [r.get("text") for r in read_manifest(file)] for split, file in made.items()}
    assert texts == {"train": [*"ABCDEFGH"], "validation": [*"ABCDE"], "test": [*"abcde"]}
    with pytest.raises(UserError, match='no language "xy"'):
        Fingerspelling(FingerspellingConfig(str(source), "ef", "xy")).make(tmp_path)


def test_settings_that_cannot_be():
    with pytest.raises(ValueError, match='both "ab"'):
        FingerspellingConfig("letters", "ab", "ab")
    with pytest.raises(ValueError, match="longest is 2, shortest is 3"):
        JoinConfig(longest=2)


def test_real_clips_have_holds(shared_data):
    clips = sorted((shared_data / "fingerspelling").rglob("*.pose"))
    lengths = [len(hold(clip)) for clip in clips]
    assert len(lengths) == 231
    assert min(lengths) >= 3
    assert np.median(lengths) == pytest.approx(15, abs=3)
