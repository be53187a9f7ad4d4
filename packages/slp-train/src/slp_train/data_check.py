"""``slp data check``: every row read, and what the splits share."""

from __future__ import annotations

from typing import Any, Literal, get_args

from attrs import asdict

from slp_core.check import check
from slp_core.errors import UserError
from slp_core.recipe import Recipe, Split
from slp_train.progress import bar, say


def check_data(recipe: Recipe) -> dict[str, Any]:
    """Read every row of a recipe's manifests with its own processors; JSON values.

    Needs no weights: only the processors are built.

    Raises:
        RecipeError: the recipe has problems.
        UserError: no split's manifest is there, or one lacks the column of a signal or the target.
    """
    from slp_core.build import build_reader
    from slp_core.dataset import SignalCache, probe_rows
    from slp_train.overlap import overlap
    from slp_train.run import prepare_corpus, read_manifests

    plan = check(recipe)
    prepare_corpus(plan)
    manifests = read_manifests(recipe)
    if not manifests:
        raise UserError(_nothing_to_check(recipe))
    reader = build_reader(plan, manifests.get("train"))
    target, cache = recipe.data.target, SignalCache(gib=0)
    columns = {name: recipe.streams[name].signal or "" for name in reader.processors}
    needed = {
        split: reader.only(recipe.heard) if split == "test" else reader for split in manifests
    }
    for split, manifest in manifests.items():
        signals = [columns[name] for name in needed[split].processors]
        manifest.require(dict.fromkeys([*signals, target]))
    splits: dict[str, Any] = {}
    for split, manifest in manifests.items():
        with bar(f"reading {split}") as progress:
            good, bad = probe_rows(needed[split], manifest.rows, target, cache, progress)
        steps = sorted(good.values())
        splits[split] = {
            "file": str(manifest.file),
            "rows": len(manifest),
            "steps": sum(steps),
            "longest": steps[-1] if steps else 0,
            "bad": [str(one) for one in bad],
        }
    rows = {split: [row.fields for row in manifest] for split, manifest in manifests.items()}
    compared = {"sentences": target, "signers": "signer"}
    for name, processor in reader.processors.items():
        column = columns[name]
        compared[f"{column} files" if processor.reads_files else column] = column
    found = [{**asdict(one), "percent": one.percent} for one in overlap(rows, compared)]
    absent = {
        split: str(file)
        for split in get_args(Split)
        if (file := recipe.data.path(split)) is not None and split not in manifests
    }
    return {
        "splits": splits,
        "overlap": [one for one in found if one["rows"]],
        "absent": absent,
    }


def _nothing_to_check(recipe: Recipe) -> str:
    """Which manifests were looked for, and what to do."""
    files = [recipe.data.path(split) for split in get_args(Split)]
    named = ", ".join(str(file) for file in files if file is not None)
    if not named:
        return f"{recipe.source.file}: names no manifest: write data.train, data.validation, ..."
    return (
        f"{recipe.source.file}: none of its manifests is there ({named}); set data.root to their "
        "folder, or make them with `slp data import` or `slp data synth`"
    )


def print_data_check(result: dict[str, Any]) -> None:
    """The tables on stdout, every bad row and absent manifest on stderr."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="splits")
    for name in ("split", "rows", "bad", "steps", "longest"):
        table.add_column(name, justify="left" if name == "split" else "right", overflow="fold")
    for name, split in result["splits"].items():
        bad = str(len(split["bad"]))
        table.add_row(name, str(split["rows"]), bad, str(split["steps"]), str(split["longest"]))
    Console(highlight=False).print(table)
    shared = Table(title="what the splits share")
    for name in ("what", "in", "and in", "distinct values", "rows", "percent"):
        side: Literal["left", "right"] = "right" if name in ("rows", "percent") else "left"
        shared.add_column(name, justify=side, overflow="fold")
    for one in result["overlap"]:
        values = f"{one['shared']} of {one['distinct']}"
        rows = f"{one['shared_rows']} of {one['rows']}"
        percent = f"{one['percent']:.1f}"
        shared.add_row(one["what"], one["split"], one["earlier"], values, rows, percent)
    Console(highlight=False).print(shared)
    for split in result["splits"].values():
        for line in split["bad"]:
            say(line)
    for split, file in result["absent"].items():
        say(f"{file}: is not there; nothing of the {split} split is checked")
