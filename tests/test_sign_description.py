"""Descriptions of the synthetic language, from its files to features that keep step with films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slp_core.context import Context
from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row, read_manifest
from slp_core.signals import Clip
from slp_encoders.processors.features.reader import FeaturesReader
from slp_encoders.processors.features.spec import FeaturesConfig
from slp_encoders.processors.pose.file import read_pose_file
from slp_encoders.processors.pose.mirror import HOLISTIC, holistic_mirror
from slp_encoders.synthetic import synthesize
from slp_encoders.synthetic.motion import articulate
from slp_encoders.synthetic.phonology import HANDSHAPES
from slp_encoders.synthetic.pose_file import Tracked, write_pose
from slp_encoders.synthetic.skeleton import hand_points
from slp_llm.annotators.sign_description import phrases
from slp_llm.annotators.sign_description.describers import PoseDescriber
from slp_llm.annotators.sign_description.model import SignDescription
from slp_llm.annotators.sign_description.spec import SignDescriptionConfig


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "films"
    synthesize(out, samples=10, seed=1)
    return out


@pytest.fixture(scope="module")
def pose(corpus: Path) -> Path:
    return next(iter(sorted(corpus.glob("poses/*.pose"))))


def described(pose: Path) -> list[str]:
    describer = PoseDescriber()
    signal = describer.read(pose)
    return list(describer.describe(signal, range(len(signal.values))))


def annotator(**keys: Any) -> SignDescription:
    return SignDescription(SignDescriptionConfig(embed="words", **keys), Context())


def annotate(one: SignDescription, manifest: Manifest, folder: Path) -> list[Path]:
    return [Path(said["features.description"]) for said in one.annotate(manifest.rows, folder)]


def test_the_points_are_those_of_a_reduced_holistic() -> None:
    face = ["10", "152", "13", "14", "61", "291", "33", "263"]
    ours = [phrases.FOREHEAD, phrases.CHIN, *phrases.LIPS, *phrases.CORNERS, *phrases.EYES]
    assert [HOLISTIC[point] for point in ours] == [("FACE_LANDMARKS", one) for one in face]
    for side, hand in phrases.HANDS.items():
        assert {part for part, _ in HOLISTIC[hand]} == {f"{side.upper()}_HAND_LANDMARKS"}
    assert len(HOLISTIC) == phrases.POINTS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("B", ["flat"]), ("5", ["flat", "fingers apart", "thumb out"]), ("S", ["fist"]),
        ("A", ["fist"]), ("claw", ["claw", "thumb out"]), ("L", ["index extended", "thumb out"]),
        ("V", ["index extended", "middle extended", "fingers apart"]),
        ("U", ["index extended", "middle extended"]), ("Y", ["little extended", "thumb out"]),
        ("I", ["little extended"]), ("R", ["index extended", "middle extended", "fingers crossed"]),
        ("K", ["index extended", "middle bent"]), ("X", ["index bent"]),
        ("W", ["index extended", "middle extended", "ring extended", "fingers apart"]),
    ],
)  # fmt: skip
def test_handshapes_of_the_manual_alphabet(name: str, said: list[str]) -> None:
    points, seen = np.zeros((1, 178, 2)), np.zeros((1, 178), bool)
    hand = 0.5 * hand_points(articulate(HANDSHAPES[name]))[..., :2]
    points[:, phrases.HANDS["left"]] = hand
    points[:, phrases.HANDS["right"]] = hand * (-1, 1)  # as the corpus places it
    seen[:, phrases.HANDS["left"]] = seen[:, phrases.HANDS["right"]] = True
    right, left, _ = phrases.describe(points, seen, 25.0)[0].split("; ")
    assert right.removeprefix("right") == left.removeprefix("left")
    shape = right.split(", ")[1:]
    assert shape[: next(n for n, one in enumerate(shape) if "pointing" in one)] == said


@settings(max_examples=8)
@given(
    scale=st.floats(0.3, 4), x=st.floats(-500, 500), y=st.floats(-500, 500), mirror=st.booleans()
)
def test_neither_size_nor_place_matter_and_a_mirror_swaps_the_hands(
    pose: Path, tmp_path_factory: Any, scale: float, x: float, y: float, mirror: bool
) -> None:
    file = read_pose_file(str(pose))
    data = np.array(file.coordinates) * scale + np.array([x, y, 0])
    trust = np.array(file.confidence)
    if mirror:
        swap = holistic_mirror()
        data, trust = (data * (-1, 1, 1))[:, swap], trust[:, swap]
    moved = tmp_path_factory.mktemp("moved") / "moved.pose"
    write_pose(moved, Tracked(data.astype(np.float32), trust.astype(np.float32)))
    ours, theirs = described(pose), described(moved)
    if mirror:
        theirs = [_swapped(one) for one in theirs]
    differ = sum(a != b for a, b in zip(ours, theirs, strict=True))
    assert differ <= 1 + len(ours) // 50  # numbers that are rounded at a threshold


def _swapped(description: str) -> str:
    right, left, mouth = description.split("; ")
    return "; ".join(
        ["right" + left.removeprefix("left"), "left" + right.removeprefix("right"), mouth]
    )


def test_features_keep_step_with_the_film(corpus: Path, tmp_path: Path) -> None:
    manifest = read_manifest(corpus / "train.tsv")
    one, held = annotator(every=1), annotator(every=3)
    files, others = annotate(one, manifest, tmp_path), annotate(held, manifest, tmp_path)
    reader = FeaturesReader(FeaturesConfig(width=97, rate=25.0), Context())
    for row, file, other in zip(manifest, files, others, strict=True):
        said = described(row.path("pose"))
        expected = np.stack([phrases.multi_hot(text) for text in said])
        assert np.array_equal(reader.read(Clip(str(file))).values, expected)
        assert len(expected) == int(row.fields["frames"])
        third = [expected[frame - frame % 3] for frame in range(len(expected))]
        assert np.array_equal(np.load(other, allow_pickle=False), third)
        facts = json.loads(file.with_suffix(".json").read_text())
        assert facts["frames"] == len(said) and facts["rate"] == 25.0 and facts["width"] == 97
        lines = (file.parent / facts["descriptions"]).read_text().splitlines()
        told = dict(json.loads(line) for line in lines[1:])
        assert [told[str(frame)] for frame in range(len(said))] == said


def test_what_is_there_and_true_is_used(corpus: Path, tmp_path: Path, monkeypatch: Any) -> None:
    manifest = read_manifest(corpus / "test.tsv")
    first = annotate(annotator(), manifest, tmp_path)
    stamps = [file.stat().st_mtime_ns for file in first]
    monkeypatch.setattr(PoseDescriber, "read", lambda *_: pytest.fail("it is there"))
    assert annotate(annotator(), manifest, tmp_path) == first
    assert [file.stat().st_mtime_ns for file in first] == stamps
    monkeypatch.undo()
    monkeypatch.setattr(PoseDescriber, "VERSION", 2)
    assert not {*annotate(annotator(), manifest, tmp_path)} & {*first}


def test_a_kill_loses_the_description_in_hand(
    corpus: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    manifest = read_manifest(corpus / "test.tsv")
    whole, asked = annotate(annotator(), manifest, tmp_path / "whole"), []
    describe = PoseDescriber.describe

    def killed(self: Any, signal: Any, frames: Any) -> Any:
        asked.append(list(frames))
        for number, said in enumerate(describe(self, signal, frames)):
            if len(asked) == 1 and number == 2:
                raise KeyboardInterrupt
            yield said

    monkeypatch.setattr(PoseDescriber, "describe", killed)
    with pytest.raises(KeyboardInterrupt):
        annotate(annotator(), manifest, tmp_path / "killed")
    again = annotate(annotator(), manifest, tmp_path / "killed")
    assert asked[1] == asked[0][2:]
    for ours, theirs in zip(whole, again, strict=True):
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"poses": "a.pose"}, "rows.tsv:7: pose: there is no such column; did you mean"),
        ({"pose": ""}, "rows.tsv:7: pose: is empty"),
        ({"pose": "a.pose"}, r"rows.tsv:7: pose: .*a\.pose: there is no such file"),
        ({"pose": "bad.pose"}, r"rows.tsv:7: pose: .*bad\.pose: cannot be read"),
    ],
)
def test_rows_that_cannot_be_described(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    (tmp_path / "bad.pose").write_bytes(b"none")
    row = Row(fields, tmp_path / "rows.tsv", 7)
    with pytest.raises(UserError, match=said):
        list(annotator().annotate([row], tmp_path / "out"))
