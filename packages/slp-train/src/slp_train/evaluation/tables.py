"""Evaluations on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from slp_train.evaluation.scores import Confidence, Evaluation, Names, Reading, verdict


def print_evaluation(evaluation: Evaluation, console: Console | None = None) -> None:
    """The scores with their intervals and the controls below them, on stderr."""
    console = console or Console(stderr=True, highlight=False)
    names = list(evaluation.whole.scores)
    table = Table(
        title=f"{evaluation.split}: {evaluation.scored} of {evaluation.samples} samples scored",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    table.add_column("", overflow="fold")
    for name in names:
        heading = _with_arrow(name, evaluation.lower_is_better)
        table.add_column(heading, justify="right", overflow="fold")
    whole = evaluation.whole.scores
    table.add_row(*_row("the model", [whole[name].value for name in names]), style="bold")
    intervals = [score.interval for score in whole.values() if score.interval]
    if intervals:
        table.add_row(*_row("95 % from", [low for low, _ in intervals]))
        table.add_row(*_row("95 % to", [high for _, high in intervals]))
    for group in (evaluation.controls, evaluation.parts):
        table.add_section()
        for one in group:
            label = one.name if group is evaluation.controls else f"{one.name} ({one.samples})"
            table.add_row(*_row(label, [one.scores[name].value for name in names]))
    console.print(table)
    console.print(verdict(evaluation))
    if evaluation.one_lined:
        console.print(
            f"{evaluation.one_lined} hypotheses held tabs or line breaks; they are blanks now."
        )
    if evaluation.confidence is not None:
        console.print(confidence_line(evaluation.confidence))
    if evaluation.names is not None:
        console.print(names_line(evaluation.names))
    for reading in evaluation.readings:
        console.print(reading_line(reading))
    headline = whole[evaluation.headline]
    console.print(f"{headline.name}: {headline.signature}", style="dim")


def confidence_line(found: Confidence) -> str:
    """How far the confidence is from the quality, in a sentence or two."""
    raw = f"of the raw confidence {found.raw.error:.3f}, in {found.bins} bins"
    if found.expected is None:
        return f"Calibration error {raw}: translations have no expected quality here."
    error, chance = found.expected.error, found.expected.chance
    said = (
        f"Calibration error of the expected quality {error:.3f} (by chance alone up to "
        f"{chance:.3f}), {raw}."
    )
    fitted = " It was fitted to these very translations: on others it may be larger."
    return said + fitted if found.in_sample else said


def names_line(found: Names) -> str:
    """How many spelled names were said."""
    said = f"Spelled names: all said in {found.said:.1f} % of {found.samples} samples"
    return f"{said}, in {found.offered:.1f} % with what is offered."


def reading_line(found: Reading) -> str:
    """How well a part read its column."""
    units = f"{found.units} {'words' if found.kind == 'word' else 'letters'}"
    return f"{found.part} read {found.accuracy:.1f} % of the {units} of {found.column}."


def print_examples(evaluation: Evaluation, count: int = 5) -> None:
    """Translations beside their references, taken evenly from the split, on stderr."""
    found = evaluation.predictions
    chosen = found[:: max(len(found) // count, 1)][:count]
    table = Table(title=f"{len(chosen)} of {len(found)} translations", box=box.SIMPLE_HEAD)
    for name in ("reference", "translation"):
        table.add_column(name, overflow="fold")
    table.add_column("confidence", justify="right", overflow="fold")
    for one in chosen:
        table.add_row(one.reference, one.hypothesis, f"{one.confidence:.2f}")
    Console(stderr=True, highlight=False).print(table)


def _row(label: str, values: Sequence[float]) -> list[str]:
    return [label, *(f"{value:.1f}" for value in values)]


def _with_arrow(name: str, lower_is_better: Sequence[str]) -> str:
    return f"{name} ↓" if name in lower_is_better else name


def print_comparison(compared: dict[str, Any]) -> None:
    """What :func:`~slp_train.evaluation.files.compare_runs` found, on stdout."""
    table = Table(title=f"{compared['split']}: {compared['samples']} samples")
    for name in ("metric", compared["a"], compared["b"], "difference", "95 % interval"):
        table.add_column(name, justify="left" if name == "metric" else "right", overflow="fold")
    for name in ("p (bootstrap)", "p (randomisation)"):
        table.add_column(name, justify="right", overflow="fold")
    for one in compared["scores"]:
        low, high = one["interval"]
        table.add_row(
            _with_arrow(one["name"], compared["lower_is_better"]),
            f"{one['a']:.2f}",
            f"{one['b']:.2f}",
            f"{one['difference']:+.2f}",
            f"{low:+.2f} to {high:+.2f}",
            f"{one['p_bootstrap']:.4f}",
            f"{one['p_randomisation']:.4f}",
        )
    Console(highlight=False).print(table)
