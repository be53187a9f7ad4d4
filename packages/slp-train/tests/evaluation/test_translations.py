"""The page of files that were translated."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from slp_core.parts import Note, Translation
from slp_core.reading import RowReader
from slp_core.signals import Processor, Signal
from slp_train.report.translations import FRAMES, report_translations


class Drawn(Processor):
    """Shows the name of the file in every frame."""

    def read(self, clip):
        return Signal(None, 25.0)

    def show(self, clip, frames=8):
        return [f"<desc>{Path(clip.source).name} {frame}</desc>" for frame in range(frames)]


class Undrawable(Processor):
    def read(self, clip):
        return Signal(None, 25.0)


def test_every_file_is_shown_beside_what_was_said(tmp_path):
    streams = {name: SimpleNamespace(signal=name) for name in ("pose", "video")}
    streams["lips"] = SimpleNamespace(signal=None)  # branches off another
    header = SimpleNamespace(name="toy <&> run")
    signals = ["pose", "video"]
    recipe = SimpleNamespace(streams=streams, header=header, signals=signals, heard=[*streams])
    reader = RowReader(recipe, {"pose": Drawn(None), "video": Undrawable(None)})
    pipeline = SimpleNamespace(recipe=recipe, reader=reader)
    said = [("a&b.mp4", Translation("a < b", 0.25, ())), ("c.pose", Translation("", 0.5, ()))]
    report_translations(pipeline, said, tmp_path / "sub" / "page.html")
    written = (tmp_path / "sub" / "page.html").read_text(encoding="utf-8")
    assert "toy &lt;&amp;&gt; run" in written and "a &lt; b" in written and "(nothing)" in written
    assert "confidence 0.25" in written and "<code>a&amp;b.mp4</code>" in written
    assert "expected quality" not in written.split("</ol>")[0]
    assert written.count('<div class="strip">') == 2  # what cannot be drawn has no strip
    for frame in range(FRAMES):
        assert f'<svg viewBox="0 0 100 100" aria-hidden="true"><desc>c.pose {frame}<' in written
    assert ".strip svg {" in written  # the style is in the page


def test_what_is_withheld_is_not_shown(tmp_path):
    header = SimpleNamespace(name="toy")
    streams = {"pose": SimpleNamespace(signal="pose")}
    recipe = SimpleNamespace(streams=streams, header=header, signals=["pose"], heard=["pose"])
    pipeline = SimpleNamespace(recipe=recipe, reader=RowReader(recipe, {"pose": Drawn(None)}))
    note = Note("names", "who is <lea>?", "anna")
    said = [
        ("a", Translation("secret", 0.9, expected=0.25, notes=(note,))),
        ("b", Translation("lea", 0.9, expected=0.5, notes=(note,))),
    ]
    report_translations(pipeline, said, tmp_path / "page.html", 0.5)
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "secret" not in written and "withheld" in written
    assert "expected quality 0.25" in written and "expected quality 0.50" in written
    assert written.count("who is &lt;lea&gt;?; offered: ") == 1
