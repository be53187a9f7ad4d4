"""Pages made from the code: parts from their specs, and slp_core's public names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from roles import prose

import slp_core
from slp_core import registry
from slp_core.examples import passages, snippet, toml_value
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
    """The section of a part: what `slp plugins show` tells, and what its docstrings say."""
    spec = entry.load()
    linked = re.sub(r"arXiv:([\d.]+\d)", r"[\g<0>](https://arxiv.org/abs/\1)", spec.paper)
    linked = re.sub(r"\b[A-Z]\d\d-\d{4}", r"[\g<0>](https://aclanthology.org/\g<0>)", linked)
    said = [one.__doc__ for one in (spec.signature, spec.config) if one and one.__doc__]
    passed = [(one.source, f"`{one.takes}`", f"`{one.gives}`") for one in passages(spec)]
    blocks = [
        f"## {entry.name}",
        f"{sentence(spec.summary)} Of `{entry.distribution}`{linked and f'; {linked}'}.",
        *(prose(inspect.cleandoc(words)) for words in said),
        table(("signal" if entry.kind == "encoder" else "", "takes", "gives"), passed),
        table(("key", "type", "default", ""), map(row, keys(spec.config))),
        f"```toml\n{snippet(entry, spec)}\n```",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def row(key: Key) -> tuple[str, ...]:
    default = "" if key.default is None else f"`{toml_value(key.default)}`"
    return f"`{key.name}`", key.type, "required" if key.required else default, prose(key.help)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown; "" if it has no rows."""
    lines = [" | ".join(cell.replace("|", "&#124;") for cell in cells) for cells in rows]
    ruled = [" | ".join(head), "|".join("---" for _ in head), *lines]
    return "\n".join(f"| {line} |" for line in ruled) if lines else ""


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def api() -> tuple[str, str]:
    """slp_core's public names, each documented where it is defined."""
    names = sorted(slp_core._HOME.items(), key=lambda home: home[0].lower())
    about = "What `import slp_core` offers; torch is imported when a name needs it."
    described = (f"::: slp_core.{module}.{name}" for name, module in names)
    return "api.md", "\n\n".join(["# API of slp_core", about, *described])
