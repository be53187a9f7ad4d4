"""`slp serve` without a browser: answers are those of `slp translate`, and Gradio is optional."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from slp_cli.page.answer import ALTERNATIVES, Translator
from slp_cli.page.uploads import Limits
from slp_core.errors import UserError
from slp_core.pipeline import Pipeline


@pytest.fixture(scope="module")
def translator(home: Path) -> Translator:
    return Translator(Pipeline.from_pretrained(home / "runs/quickstart"), Limits(20, 5))


def test_several_at_once_are_answered_as_each_alone(home: Path, translator: Translator) -> None:
    files = sorted((home / "data/tiny").rglob("*.pose"))[:8]
    alone = Pipeline.from_pretrained(home / "runs/quickstart")
    with ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(lambda file: translator({"pose": file}), files)]
    for file, answer in zip(files, answers, strict=True):
        said = alone.translate(file)
        assert said.text and answer.said.text == said.text
        assert answer.said.confidence == pytest.approx(said.confidence, rel=1e-6)
        assert len(answer.said.alternatives) <= min(ALTERNATIVES, 1)  # its two beams
        assert len(answer.seen[0]) == 8 and not answer.withheld


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"no pose", "a.pose", "a.pose: cannot be read: its header is none of the .pose format"),
        (b"", "a.pose", "a.pose: is empty"),
        (b"no film", "a.mp4", "a.mp4: "),
        (b"\0" * 5_000_001, "a.pose", "a.pose: has 5.0 MB; at most 20 seconds and 5 MB are taken"),
    ],
)
def test_what_is_no_clip_is_refused(
    translator: Translator, tmp_path: Path, content: bytes, name: str, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        translator({"pose": tmp_path / name})
    assert said in str(error.value) and str(tmp_path) not in str(error.value)


def test_a_clip_that_is_too_long_is_refused(home: Path, translator: Translator) -> None:
    short = Translator(translator.pipeline, Limits(0.5, 5))
    with pytest.raises(UserError, match=r"clip.pose: lasts \d\.\d seconds; at most 0.5 seconds"):
        short({"pose": home / "clip.pose"})


def test_a_film_needs_what_estimates_poses(home: Path, translator: Translator) -> None:
    if find_spec("mediapipe"):
        pytest.skip("MediaPipe is installed")  # and the film is translated: nothing is refused
    with pytest.raises(UserError, match=r"clip.mp4: .* the extra slp-encoders\[mediapipe\]"):
        translator({"pose": home / "clip.mp4"})


def test_what_to_install_is_said(slp, home: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['gradio'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = slp("serve", "runs/quickstart", code=2)
    assert done.stderr.count("\n") == 1 and "uv pip install 'slp-cli[serve]'" in done.stderr


def test_an_uncalibrated_run_withholds_nothing(
    slp, home: Path, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "gradio.py").touch()  # refused before the page is made: any Gradio will do
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    shutil.copytree(home / "runs/quickstart/pipeline", tmp_path / "run")
    (tmp_path / "run/confidence.json").unlink(missing_ok=True)
    done = slp("serve", tmp_path / "run", "--reject-below", "0.5", code=2)
    assert "is not calibrated" in done.stderr
