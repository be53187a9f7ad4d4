"""The page itself, by Gradio. Everything it shows and every decision is made elsewhere."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from html import escape
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from slp_cli.page.answer import Translator
from slp_cli.page.drawing import STYLE, answer_html, refusal_html
from slp_cli.page.uploads import Intake
from slp_core.errors import UserError

WAITING = 32  #: in the queue; more are told to come again
ABANDONED = 600  #: seconds, after which an upload that nobody has translated is deleted
NEVER = (
    "Not to be relied upon where a wrong sentence could harm somebody (health, law, work, school, "
    "safety): it makes up fluent sentences that nobody signed, and does not notice."
)
KEPT = (
    "What you upload is deleted from the machine that runs this page as soon as it is translated, "
    f"or after {ABANDONED // 60} minutes if it is not. Nothing of it is kept, nothing is sent "
    "elsewhere."
)
FONTS = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")


class _Uploads:
    """Files that somebody is about to have translated. Gradio keeps equal uploads as one file: it
    goes when the last of its uploaders has the answer."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._lock = Lock()

    def hold(self, file: str | None) -> None:
        with self._lock:
            self._held[str(file)] += 1

    def release(self, file: str) -> None:
        with self._lock:
            self._held[file] -= 1
            if self._held[file] <= 0:
                del self._held[file]
                Path(file).unlink(missing_ok=True)
                with suppress(OSError):  # Gradio's folder for it, unless there is more in it
                    Path(file).parent.rmdir()


def build(translator: Translator) -> gr.Blocks:
    """The page of a pipeline: inputs on the left, the answer on the right, one column on phones."""
    header = translator.pipeline.recipe.header
    uploads = _Uploads()
    with gr.Blocks(
        title=header.name, analytics_enabled=False, delete_cache=(60, ABANDONED), fill_width=True
    ) as page:
        gr.HTML(_about(translator), elem_id="about")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                inputs = [one for intake in translator.intakes for one in _inputs(intake)]
                button = gr.Button("Translate", variant="primary")
            with gr.Column(min_width=320):
                answer = gr.HTML(
                    '<p class="waiting soft">The sentence will stand here.</p>',
                    elem_id="answer",
                    container=True,
                )
        components = [component for _, component in inputs]
        columns = [column for column, _ in inputs]

        def respond(*files: str | None) -> list[Any]:
            given = {c: Path(f) for c, f in zip(columns, files, strict=True) if f is not None}
            try:
                shown = _respond(translator, given)
            finally:
                for file in given.values():
                    uploads.release(str(file))
            return [shown, *[None] * len(files)]

        for component in components:
            component.upload(uploads.hold, component, queue=False, api_visibility="private")
        button.click(
            respond,
            components,
            [answer, *components],
            show_progress_on=answer,
            api_visibility="private",
        )
    return page.queue(default_concurrency_limit=1, max_size=WAITING)


def serve(translator: Translator, host: str, port: int) -> None:
    """Show the page until it is interrupted. Whatever was uploaded is gone then."""
    page = build(translator)
    style = gr.themes.Base(primary_hue="blue", font=FONTS[0], font_mono=FONTS[1])
    style.set(button_primary_background_fill="*primary_600")  # white on it is 5:1
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        theme=style,
        css_paths=STYLE,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        max_file_size=int(translator.limits.megabytes * 1e6),
        quiet=True,
    )


def _respond(translator: Translator, given: dict[str, Path]) -> str:
    recipe = translator.pipeline.recipe
    try:
        answer = translator(given)
    except UserError as error:
        return refusal_html(str(error), _taken(translator))
    except Exception:  # whoever looks at the page is not to read our tracebacks
        logging.exception("a fault of ours")
        return refusal_html("A fault of ours; it stands in the log of this page.", "")
    return answer_html(answer, translator.pipeline.calibration, recipe.data.language)


def _as_uploaded(payload: Any) -> str | None:
    """The path of a file, as it is. Gradio would make files of its own beside it, run ffmpeg to
    take the sound out of a film, and mirror what a camera recorded: left would be right."""
    return None if payload is None else payload.path


def _inputs(intake: Intake) -> list[tuple[str, gr.components.Component]]:
    """What takes a signal's files: a drop zone with a camera for films, another for the rest."""
    found: list[gr.components.Component] = []
    if intake.takes_films:
        label = f"{intake.column}: drop a film, or record one"
        camera = gr.WebcamOptions(mirror=True)
        found.append(gr.Video(label=label, include_audio=False, webcam_options=camera))
    if intake.others or not intake.takes_films:
        found.append(gr.File(label=f"{intake.column}: drop a file {', '.join(intake.others)}"))
    for one in found:
        one.preprocess = _as_uploaded
    return [(intake.column, one) for one in found]


def _about(translator: Translator) -> str:
    header = translator.pipeline.recipe.header
    said = header.description or "Signing to text, by a model."
    return (
        f"<h1>{escape(header.name)}</h1><p>{escape(said)}</p>"
        f'<p class="never">{NEVER}</p><p class="soft">{escape(_taken(translator))} {KEPT}</p>'
    )


def _taken(translator: Translator) -> str:
    kinds = [kind for intake in translator.intakes for kind in intake.kinds]
    return f"It takes {' and '.join(dict.fromkeys(kinds)) or 'files'}: {translator.limits}."
