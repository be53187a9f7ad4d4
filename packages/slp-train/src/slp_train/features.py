"""Encoding clips once: before stages whose encoders stay frozen, and by ``slp extract``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from slp_core.errors import UserError
from slp_core.features import Extraction, FeatureStore, frozen_streams, open_store
from slp_core.manifest import Manifest, Row
from slp_core.reading import RowReader
from slp_core.recipe import Precision, Recipe
from slp_train import distributed
from slp_train.progress import bar, say

if TYPE_CHECKING:
    from slp_core.dataset import BadRow
    from slp_core.pipeline import Pipeline


def extract(
    recipe: Recipe,
    folder: Path | None = None,
    precision: Precision | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Extraction:
    """Encode the rows of all splits for every stream whose encoder stays frozen.

    ``folder`` and ``precision`` are the recipe's if not given; ``shard``: the share of the rows
    that is encoded, (which, of how many).

    Raises:
        UserError: the recipe or its data cannot be used, or no stream's encoder stays frozen.
    """
    from slp_train.run import prepare

    _, pipeline, manifests = prepare(recipe)
    streams = frozen_streams(pipeline)
    if not streams:
        raise UserError(
            f"{recipe.source.file}: there is nothing to extract: no stream of files has an "
            "encoder with weights that stays frozen in every stage, and no random variants"
        )
    store = open_store(folder or _folder(recipe))
    rows = [row for manifest in manifests.values() for row in manifest]
    which, of = shard
    done = _run(store, pipeline, streams, rows[which - 1 :: of], "extracting", precision)
    if done.bad and not recipe.data.skip_bad:
        listed = "\n".join(str(one) for one in done.bad)
        raise UserError(
            f"{len(done.bad)} rows cannot be encoded, all others are "
            f"(--skip-bad leaves them out):\n{listed}"
        )
    for one in done.bad:
        say(str(one))
    return done


def store_of(pipeline: Pipeline) -> FeatureStore | None:
    """The recipe's feature cache, if one of its encoders stays frozen and it wants one."""
    wanted = pipeline.recipe.data.features and frozen_streams(pipeline)
    return open_store(_folder(pipeline.recipe)) if wanted else None


def encoded(
    store: FeatureStore, pipeline: Pipeline, manifest: Manifest, split: str
) -> tuple[RowReader, Manifest, list[BadRow]]:
    """Encode what the cache has not; who reads the rows, the good ones, and the others.

    Each process of several encodes its share, then all read."""
    streams = frozen_streams(pipeline)
    share = list(manifest)[distributed.rank() :: distributed.world_size()]
    done = _run(store, pipeline, streams, share, f"encoding {split}")
    distributed.barrier()
    reader = store.reader(pipeline, streams, pipeline.recipe.data.precision)
    reasons = {one.row: one for one in done.bad}
    good = evolve(manifest, rows=tuple(row for row in manifest if row not in reasons))
    return reader, good, list(reasons.values())


def _run(
    store: FeatureStore,
    pipeline: Pipeline,
    streams: Sequence[str],
    rows: Sequence[Row],
    title: str,
    precision: Precision | None = None,
) -> Extraction:
    began = time.monotonic()
    with bar(title) as shown:

        def progress(done: int, total: int, steps: int) -> None:
            shown.note = f"{steps / (time.monotonic() - began):.0f} frames/s"
            shown(done, total)

        precision = precision or pipeline.recipe.data.precision
        done = store.extract(pipeline, streams, rows, precision, progress)
    seconds = time.monotonic() - began
    if done.encoded:
        say(f"{title}: {done.encoded} clips encoded ({done.steps} frames, "
            f"{done.steps / seconds:.0f} a second), {done.found} were there")  # fmt: skip
    return done


def _folder(recipe: Recipe) -> Path:
    return Path(recipe.data.root) / (recipe.data.features or "features")
