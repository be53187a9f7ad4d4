"""The corpus on disk: deterministic, whole or absent, and readable."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pose_format import Pose

from slp_core.errors import UserError
from slp_core.manifest import read_manifest
from slp_encoders.corpora.synthetic.importer import Synthetic
from slp_encoders.corpora.synthetic.spec import SyntheticConfig
from slp_encoders.synthetic import synthesize
from slp_encoders.synthetic.signer import signers


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".mp4"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_importing_is_light() -> None:
    code = "import sys, slp_encoders.synthetic; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "av", "PIL", "pose_format", "torch"} & set(loaded.stdout.split())


def test_the_number_of_workers_changes_nothing(filmed: dict[str, Path], tmp_path: Path) -> None:
    alone, together = filmed["train"].parent, tmp_path / "together"
    synthesize(together, 10, seed=3, workers=2)
    assert _contents(alone) == _contents(together)
    videos = sorted(path.name for path in (alone / "videos").iterdir())
    assert len(videos) == 10
    for name in videos[:3]:
        pictures = [_pictures(folder / "videos" / name) for folder in (alone, together)]
        assert np.array_equal(*pictures)


def test_videos_show_the_points(filmed: dict[str, Path]) -> None:
    row = read_manifest(filmed["train"]).rows[0]
    with av.open(str(row.path("video"))) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (192, 192, 25)
        assert stream.codec_context.name == "h264"
    pictures = _pictures(row.path("video")).astype(int)
    pose = Pose.read(row.path("pose").read_bytes())
    assert len(pictures) == len(pose.body.data) == int(row.get("frames"))
    signer = next(s for s in signers(3)["train"] if s.name == row.get("signer"))
    first = 157 if row.get("handedness") == "right" else 136
    hand, seen = pose.body.data.data[:, 0, first:], pose.body.confidence[:, 0, first] > 0
    palms = hand[:, [0, 5, 17], :2].mean(axis=1).round().astype(int)[seen]
    shown = pictures[seen][np.arange(len(palms)), palms[:, 1], palms[:, 0]]
    near = np.abs(shown - np.array(signer.skin)).max(axis=1) < 90  # skin, or a folded finger's rim
    assert near.mean() > 0.8
    wall = pictures[:, 3, 3]
    assert np.abs(wall - np.array(signer.wall)).max() < 12


def test_manifests_say_what_is_signed(corpus: dict[str, Path]) -> None:
    sizes = {split: len(read_manifest(file)) for split, file in corpus.items()}
    assert sizes == {"train": 80, "validation": 10, "test": 10}
    for split, file in corpus.items():
        manifest = read_manifest(file)
        assert "video" not in manifest.columns
        assert '"' in file.read_text(encoding="utf-8")  # spans stand there as they are
        for row in manifest:
            assert row.id.startswith(split) and row.get("signer").startswith(split)
            assert row.get("language") == "en" and row.get("text").endswith(" .")
            spans = json.loads(row.get("spans"))
            for column, kinds in (
                ("gloss", ("sign", "name")),
                ("phonemes", ("mouthing",)),
            ):
                said = [span["label"] for span in spans if span["kind"] in kinds]
                assert row.get(column).split() == said
            spelled = [span["label"] for span in spans if span["kind"] == "letter"]
            assert list(row.get("letters").replace(" ", "")) == spelled
            names = [word.removeprefix("fs-") for word in row.get("gloss").split() if "fs-" in word]
            assert row.get("letters").split() == names
            assert max(span["end"] for span in spans) <= int(row.get("frames")) * 40
            pose = Pose.read(row.path("pose").read_bytes())
            assert len(pose.body.data) == int(row.get("frames"))


def test_held_out_texts_and_signers_are_unseen(corpus: dict[str, Path]) -> None:
    columns = {
        split: {name: set(read_manifest(file).column(name)) for name in ("text", "signer")}
        for split, file in corpus.items()
    }
    for held_out in ("validation", "test"):
        for name, values in columns[held_out].items():
            assert not values & columns["train"][name]
    assert not columns["validation"]["signer"] & columns["test"]["signer"]


def test_the_same_arguments_find_the_corpus_and_others_are_refused(tmp_path: Path) -> None:
    out, calls = tmp_path / "c", []
    made = synthesize(
        out, 10, video=False, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(done, 10) for done in range(1, 11)]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert synthesize(out, 10, video=False) == made
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    others: list[dict[str, Any]] = [
        {"samples": 11}, {"seed": 1}, {"video": True}, {"names": 0.5}, {"distinct_names": 13},
        {"unseen_names": True},
    ]  # fmt: skip
    for arguments in others:
        with pytest.raises(UserError, match="holds a synthetic corpus made from"):
            synthesize(out, **{"samples": 10, "video": False, **arguments})
    (out / "corpus.json").unlink()
    with pytest.raises(UserError, match="no complete synthetic corpus"):
        synthesize(out, 10, video=False)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        synthesize(tmp_path / "file", 10)


@pytest.mark.parametrize(
    "arguments", [{"samples": 9}, {"samples": 10**6}, {"seed": -1}, {"workers": 0}]
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{next(iter(arguments))} is .*; expected"):
        synthesize(tmp_path / "c", **{"samples": 10, **arguments})
    assert not list(tmp_path.iterdir())


def test_another_seed_is_another_corpus(corpus: dict[str, Path], tmp_path: Path) -> None:
    other = synthesize(tmp_path / "c", 10, seed=8, video=False, workers=1)
    ours = set(read_manifest(corpus["train"]).column("text"))
    assert not ours & set(read_manifest(other["train"]).column("text"))


def test_as_a_corpus_it_is_made_by_its_keys(tmp_path: Path) -> None:
    keys = {"samples": 20, "seed": 4, "video": False, "names": 0.9, "distinct_names": 15,
            "unseen_names": True}  # fmt: skip
    made = Synthetic(SyntheticConfig(**keys)).make(tmp_path / "c")
    told = json.loads((tmp_path / "c/corpus.json").read_text())
    assert keys.items() <= told["made_from"].items()
    spelled = " ".join(read_manifest(made["test"]).column("letters")).split()
    assert spelled and set(spelled) <= set(told["unseen_names"])
    trained = " ".join(read_manifest(made["train"]).column("letters")).split()
    assert trained and set(trained) <= set(told["names"]) and len(told["names"]) == 15


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "c", 10, video=False, progress=stop)
    assert not list(tmp_path.iterdir())


def test_a_killed_generation_is_never_taken_for_a_corpus(
    corpus: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "c"
    code = (
        "import sys; from pathlib import Path; from slp_encoders.synthetic import synthesize\n"
        "synthesize(Path(sys.argv[1]), 100, seed=7, video=False, workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(out)])
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob("*/poses/*.pose")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    synthesize(out, 100, seed=7, video=False, workers=1)
    assert _contents(out) == _contents(corpus["train"].parent)
