"""Pipelines and translations as they are looked at: as rows, as text, and in a notebook.

The HTML is complete in itself, inherits the colours of what it stands in (light or dark), and
escapes whatever a model, a recipe or a manifest says. No torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline

_LINE = "border-top:1px solid rgba(128,128,128,.35)"
_CELL = "text-align:left;vertical-align:top;padding:.25em .8em .25em 0;background:none"
_BOX = "font-size:13px;line-height:1.45;color:inherit;max-width:60em"
_SOFT = "opacity:.75"
_ACCENT = "#3b8ea5"  # 3.6:1 against white, 4.9:1 against #111: a bar is seen on both


def describe(pipeline: Pipeline) -> dict[str, Any]:
    """Parts with package, type and parameters; stages with what they train. JSON values.

    Raises:
        UserError: a stage trains what has no parameters.
    """
    trained: set[str] = set()
    stages = []
    total = sum(p.numel() for p in pipeline.parameters())
    for stage in pipeline.recipe.stages:
        chosen = pipeline.select(stage.train)
        trained |= set(chosen)
        trainable = sum(p.numel() for p in chosen.values())
        length = f"{stage.epochs:g} epochs" if stage.epochs else f"{stage.steps} steps"
        stages.append(
            {
                "name": stage.name,
                "train": stage.train,
                "fit": stage.fit,
                "length": length if stage.train else "",
                "objectives": [use.label for use in stage.objectives],
                "trainable": trainable,
                "frozen": total - trainable,
            }
        )
    return {"recipe": pipeline.recipe.header.name, "parameters": total,
            "calibration": calibration_words(pipeline), "parts": _parts(pipeline, trained),
            "stages": stages}  # fmt: skip


def _parts(pipeline: Pipeline, trained: Collection[str]) -> list[dict[str, Any]]:
    """What every part is, in the data's order; ``trained``: names of parameters."""
    named = dict(pipeline.named_parameters())
    parts = []
    for path, node in pipeline.plan.nodes.items():
        own = [name for name in named if name.startswith(f"{path}.")]
        parts.append(
            {
                "path": path,
                "part": node.name,
                "package": f"{node.entry.distribution} {node.entry.version}",
                "output": str(node.output),
                "parameters": sum(named[name].numel() for name in own),
                "trained": sum(named[name].numel() for name in own if name in trained),
            }
        )
    return parts


def calibration_words(pipeline: Pipeline) -> str:
    """Whether a quality is expected of its translations, and what that was measured on."""
    found = pipeline.calibration
    if found is None:
        return "not calibrated: translations have no expected quality"
    return f"calibrated on {found.samples} translations of {found.split} ({found.quality})"


def pipeline_text(pipeline: Pipeline) -> str:
    """A line a part."""
    parts = _parts(pipeline, ())
    path, part = (max((len(one[key]) for one in parts), default=0) for key in ("path", "part"))
    rows = [
        f"  {one['path']:{path}}  {one['part']:{part}}  {one['parameters']:>11,}  {one['output']}"
        for one in parts
    ]
    total = sum(p.numel() for p in pipeline.parameters())
    return "\n".join(
        [f"Pipeline {pipeline.recipe.header.name}: {_summary(pipeline, total)}", *rows]
    )


def pipeline_html(pipeline: Pipeline) -> str:
    """Its parts in the data's order, a stream below the other."""
    described = describe(pipeline)
    head = ("part", "is", "package", "gives", "parameters", "trained", "frozen")
    body = ""
    for title, parts in _by_stream(pipeline, described["parts"]):
        if title:
            body += f'<tr style="{_LINE}"><th colspan="7" style="{_CELL}">{escape(title)}</th></tr>'
        for one in parts:
            kept = one["parameters"] - one["trained"]
            counts = [f"{n:,}" if n else "" for n in (one["parameters"], one["trained"], kept)]
            path = one["path"].rpartition(".")[2]
            words = [path, one["part"], one["package"], one["output"]]
            row = _cells(words) + _cells(counts, "text-align:right")
            body += f'<tr style="{"" if title else _LINE}">{row}</tr>'
    heads = "".join(f'<th style="{_CELL};font-weight:normal;{_SOFT}">{one}</th>' for one in head)
    return (
        f'<div style="{_BOX};overflow-x:auto"><div><b>{escape(described["recipe"])}</b> '
        f'<span style="{_SOFT}">{escape(_summary(pipeline, described["parameters"]))}</span></div>'
        f'<table style="border-collapse:collapse;color:inherit;background:none">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def translation_html(said: Translation) -> str:
    """The sentence, what it is worth, its alternatives, and what was read and noted on the way."""
    confidence = (
        "confidence",
        said.confidence,
        "the model's own: it ranks translations, it does not promise that one is right",
    )
    worth = [confidence]
    if said.expected is not None:
        meaning = "what translations of this confidence had on validation, on average"
        worth.insert(0, ("expected quality", said.expected, meaning))
    bars = "".join(_bar(*one) for one in worth)
    read = "".join(_fact(words_of(path), text or "(nothing)") for path, text in
                   said.transcripts.items())  # fmt: skip
    notes = "".join(
        _fact(note.about, note.message + (f" (offered: {note.offer})" if note.offer else ""))
        for note in said.notes
    )
    others = "".join(
        _fact(f"or ({one.confidence:.2f})", one.text or "(nothing)") for one in said.alternatives
    )
    sentence = escape(said.text) if said.text else f'<i style="{_SOFT}">(nothing)</i>'
    facts = others + read + notes
    facts = f'<dl style="margin:.6em 0 0">{facts}</dl>' if facts else ""
    return (
        f'<div style="{_BOX}"><p style="font-size:1.35em;margin:.2em 0 .5em" dir="auto">'
        f"{sentence}</p>{bars}{facts}</div>"
    )


def _summary(pipeline: Pipeline, parameters: int) -> str:
    return f"{parameters:,} parameters, {calibration_words(pipeline)}"


def _by_stream(
    pipeline: Pipeline, parts: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The parts of every stream with its title, in the order they are come to; then what is behind
    them, without."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        place, *rest = part["path"].split(".")
        groups.setdefault(rest[0] if place == "streams" else "", []).append(part)
    last = groups.pop("", [])
    for name, own in groups.items():
        trunk = pipeline.recipe.streams[name].from_
        yield f"stream {name}" + (f", from {trunk}" if trunk else ""), own
    yield "", last


def _cells(values: Iterable[str], style: str = "") -> str:
    return "".join(f'<td style="{_CELL};{style}">{escape(value)}</td>' for value in values)


def _bar(name: str, value: float, meaning: str) -> str:
    share = 100 * min(max(value, 0.0), 1.0) if value == value else 0.0
    return (
        '<div style="display:flex;flex-wrap:wrap;align-items:center;gap:.2em .7em">'
        f'<span style="min-width:11em">{name} <b>{value:.2f}</b></span>'
        '<span role="img" style="flex:0 0 10em;height:.6em;border-radius:.3em;'
        f'background:rgba(128,128,128,.3)" aria-label="{name} {value:.2f} of 1">'
        f'<span style="display:block;height:100%;width:{share:.0f}%;border-radius:.3em;'
        f'background:{_ACCENT}"></span></span><span style="{_SOFT}">{escape(meaning)}</span></div>'
    )


def _fact(name: str, text: str) -> str:
    return (
        f'<div style="display:flex;gap:.7em"><dt style="min-width:11em;{_SOFT}">{escape(name)}'
        f'</dt><dd style="margin:0" dir="auto">{escape(text)}</dd></div>'
    )


def words_of(path: str) -> str:
    """A part's path in the words of its recipe: ``streams.signing.mapper`` is "signing"."""
    words = path.split(".")
    return words[1] if words[0] == "streams" and len(words) > 1 else " ".join(words)
