"""Pages made from the code: parts from their specs, and slp_core's public names."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import slp_core
from slp_core import registry
from slp_core.keys import Key, keys

OURS = {folder.name for folder in (Path(__file__).parents[2] / "packages").iterdir()}
KINDS = {
    "processor": ("Processors", "read files: a signal becomes a tensor."),
    "encoder": ("Encoders", "make vectors of what a processor read, a step of time each."),
    "tokenizer": ("Tokenizers", "make codes of vectors."),
    "mapper": ("Mappers", "stand behind an encoder, or between the streams and the decoder."),
    "fusion": ("Fusions", "make one sequence of several streams."),
    "decoder": ("Decoders", "make text of a sequence."),
    "objective": ("Objectives", "are the losses of a stage."),
    "annotator": ("Annotators", "add columns to a manifest."),
    "corpus": ("Corpora", "turn a corpus as it is published into manifests, or make one."),
    "metric": ("Metrics", "score translations."),
}


def reference() -> Iterator[tuple[str, str]]:
    """A page a kind: its path, and its Markdown."""
    for kind, (title, what) in KINDS.items():
        parts = [part(one) for one in registry.of_kind(kind) if one.distribution in OURS]
        yield f"reference/{kind}.md", "\n".join([f"# {title}\n\n{title} {what}\n", *parts])


def part(entry: registry.Entry) -> str:
    """The section of a part."""
    spec = entry.load()
    lines = [f"## {entry.name}", f"{sentence(spec.summary)} Of `{entry.distribution}`."]
    if spec.paper:
        linked = re.sub(r"arXiv:([\d.]+\d)", r"[\g<0>](https://arxiv.org/abs/\1)", spec.paper)
        lines.append(f"Paper: {linked}.")
    if signature := inspect.getdoc(spec.signature) if spec.signature else None:
        lines.append(f"Signature: {prose(signature)}")
    if about := inspect.cleandoc(spec.config.__doc__ or ""):
        lines.append(prose(about))
    rows = [row(key) for key in keys(spec.config)]
    if rows:
        lines.append("\n".join(["| key | type | default | |", "|---|---|---|---|", *rows]))
    else:
        lines.append("It has no keys.")
    return "\n\n".join(lines) + "\n"


def row(key: Key) -> str:
    value = "" if key.default is None else f"`{json.dumps(key.default, ensure_ascii=False)}`"
    cells = [f"`{key.name}`", key.type, "required" if key.required else value, prose(key.help)]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def prose(docstring: str) -> str:
    """A docstring's reStructuredText as Markdown."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", docstring.replace("``", "`"))


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def api() -> tuple[str, str]:
    """slp_core's public names, each documented where it is defined."""
    names = sorted(slp_core._HOME.items(), key=lambda home: home[0].lower())
    about = "What `import slp_core` offers; torch is imported when a name needs it."
    described = (f"::: slp_core.{module}.{name}" for name, module in names)
    return "api.md", "\n\n".join(["# Python API", about, *described])
