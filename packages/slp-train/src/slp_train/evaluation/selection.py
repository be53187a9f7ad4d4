"""Choosing checkpoints on the validation split, and on nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from slp_core.errors import UserError
from slp_core.manifest import Manifest, Row
from slp_core.recipe import Recipe


def refuse_test_selection(manifests: Mapping[str, Manifest], recipe: Recipe) -> None:
    """Refuse to select checkpoints on samples of the test split.

    Two rows are the same sample if they name the same spans of the same files; text signals,
    which different samples may share, if id and target are the same too.

    Raises:
        UserError: validation and test are one manifest, or share samples.
    """
    if "validation" not in manifests or "test" not in manifests:
        return
    validation, test = manifests["validation"], manifests["test"]
    if validation.hash == test.hash:
        raise UserError(
            f"data.validation ({validation.file}) is the test split ({test.file}): checkpoints "
            "would be selected on it; leave data.validation out, or hold out training samples"
        )
    tested = {key: row for row in test for key in _keys(row, recipe)}
    shared = [
        (row, tested[key]) for row in validation for key in _keys(row, recipe) if key in tested
    ]
    if shared:
        row, same = shared[0]
        raise UserError(
            f"{len(shared)} of {len(validation)} validation samples are test samples, as "
            f"{row.where} is {same.where}: checkpoints would be selected on them; take them out "
            "of data.validation"
        )


def _keys(row: Row, recipe: Recipe) -> Iterator[tuple]:
    """What makes a row the sample it is; nothing where that cannot be told."""
    columns = recipe.signals
    files = [row.path(column) for column in columns if row.get(column)]
    if files and all(map(os.path.isfile, files)):
        yield *map(os.path.realpath, files), row.get("start"), row.get("end")
    elif row.get("id"):
        yield row.id, row.get(recipe.data.target), *map(row.get, columns)
