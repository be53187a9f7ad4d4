"""Translated files as one page: what was seen in each, and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from slp_core.files import write_text
from slp_core.manifest import Row
from slp_train.report.examples import distinct
from slp_train.report.page import template

if TYPE_CHECKING:
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline

FRAMES = 8  # of a strip


def report_translations(
    pipeline: Pipeline,
    translated: Sequence[tuple[str, Translation]],
    page: Path,
    reject_below: float | None = None,
) -> None:
    """Write a page with a strip of frames of every file, and its translation, unless its expected
    quality is lower than ``reject_below``.

    Of a film that a pose was estimated from, the frames are the film's with the pose over them.

    Raises:
        UserError: a file can no longer be read.
    """
    signals = pipeline.recipe.signals
    shown = []
    for file, said in translated:
        row = Row(dict.fromkeys(signals, file), Path(), 0)
        drawn = pipeline.reader.only(pipeline.recipe.heard).show(row, FRAMES).values()
        strips = distinct([Markup(frame) for frame in strip] for strip in drawn if strip)
        shown.append((file, said, strips))
    text = template("translations.html.jinja").render(
        recipe=pipeline.recipe.header.name, translated=shown, reject_below=reject_below
    )
    write_text(page, text)
