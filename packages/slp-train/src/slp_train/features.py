"""Encoding clips once: before stages whose encoders stay frozen, and by ``slp extract``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import evolve

from slp_core.check import check
from slp_core.errors import UserError
from slp_core.features import (
    Extraction,
    ExtractionProgress,
    FeatureStore,
    frozen_streams,
    open_store,
)
from slp_core.manifest import Manifest, Row
from slp_core.reading import RowReader
from slp_core.recipe import Precision, Recipe
from slp_train import distributed, ray_engine
from slp_train.progress import bar, say

if TYPE_CHECKING:
    from slp_core.dataset import BadRow
    from slp_core.pipeline import Pipeline

Engine = Literal["local", "ray"]


def extract(
    recipe: Recipe,
    folder: Path | None = None,
    precision: Precision | None = None,
    shard: tuple[int, int] = (1, 1),
    engine: Engine = "local",
    workers: int | None = None,
) -> Extraction:
    """Encode the rows of all splits for every stream whose encoder stays frozen.

    ``folder`` and ``precision`` are the recipe's if not given; ``shard``: the share of the rows
    that is encoded, (which, of how many); ``workers``: see :func:`slp_train.ray_engine.extract`.

    Raises:
        UserError: the recipe or its data cannot be used, or no stream's encoder stays frozen, or
            the engine is not installed.
    """
    from slp_core.build import build_encoders
    from slp_train.run import prepare_corpus, read_manifests

    if engine == "ray":
        ray_engine.import_ray()
    plan = check(recipe)
    prepare_corpus(plan)
    manifests = read_manifests(recipe)
    pipeline = build_encoders(plan, manifests.get("train"))
    streams = frozen_streams(pipeline)
    if not streams:
        raise UserError(
            f"{recipe.source.file}: there is nothing to extract: no stream of files has an "
            "encoder with weights that stays frozen in every stage, and no random variants"
        )
    folder, precision = folder or _folder(recipe), precision or recipe.data.precision
    rows = [row for manifest in manifests.values() for row in manifest]
    which, of = shard
    share = range(len(rows))[which - 1 :: of]
    if engine == "ray":
        run = partial(ray_engine.extract, recipe, folder, precision, rows, share, workers)
    else:
        some = [rows[number] for number in share]
        run = partial(_locally, open_store(folder), pipeline, streams, some, precision)
    done = _run(run, "extracting")
    order = {row: number for number, row in enumerate(rows)}
    done = evolve(done, bad=tuple(sorted(done.bad, key=lambda one: order[one.row])))
    if done.bad and not recipe.data.skip_bad:
        listed = "\n".join(str(one) for one in done.bad)
        raise UserError(
            f"{len(done.bad)} rows cannot be encoded, all others are "
            f"(--skip-bad leaves them out):\n{listed}"
        )
    for one in done.bad:
        say(str(one))
    return done


@contextmanager
def on_gpu(pipeline: Pipeline, streams: Sequence[str]) -> Iterator[None]:
    """The streams' encoders on the GPU for this long, if torch sees one."""
    encoders = [pipeline.part(f"streams.{name}.encoder") for name in streams]
    homes = [next(encoder.parameters()).device for encoder in encoders]
    for encoder in encoders:
        encoder.to(distributed.device())
    try:
        yield
    finally:
        for encoder, home in zip(encoders, homes, strict=True):
            encoder.to(home)


def kept_streams(pipeline: Pipeline, after: int = 0) -> list[str]:
    """The streams that are read from the feature cache once ``after`` stages are over; none
    where the recipe wants no cache."""
    return frozen_streams(pipeline, after) if pipeline.recipe.data.features else []


def encoded(
    pipeline: Pipeline, streams: Sequence[str], manifest: Manifest, split: str
) -> tuple[RowReader, Manifest, list[BadRow]]:
    """Encode what the cache has not; who reads the rows, the good ones, and the others.

    Each process of several encodes its share, and knows what all of them found."""
    from slp_core.dataset import BadRow

    store = open_store(_folder(pipeline.recipe))
    share = list(manifest)[distributed.rank() :: distributed.world_size()]
    precision = pipeline.recipe.data.precision
    run = partial(_locally, store, pipeline, streams, share, precision)
    done = _run(run, f"encoding {split}")
    places = {row: place for place, row in enumerate(manifest)}
    told = distributed.gather({places[one.row]: one.reason for one in done.bad})
    reasons = {place: reason for one in told for place, reason in one.items()}
    good = tuple(row for place, row in enumerate(manifest) if place not in reasons)
    bad = [BadRow(row, reasons[place]) for row, place in places.items() if place in reasons]
    return store.reader(pipeline, streams, precision), evolve(manifest, rows=good), bad


def _locally(
    store: FeatureStore,
    pipeline: Pipeline,
    streams: Sequence[str],
    rows: Sequence[Row],
    precision: Precision,
    progress: ExtractionProgress,
) -> Extraction:
    with on_gpu(pipeline, streams):
        return store.extract(pipeline, streams, rows, precision, progress)


def _run(encode: Callable[[ExtractionProgress], Extraction], title: str) -> Extraction:
    began = time.monotonic()
    with bar(title) as shown:

        def progress(done: int, total: int, steps: int) -> None:
            shown.note = f"{steps / (time.monotonic() - began):.0f} frames/s"
            shown(done, total)

        done = encode(progress)
    seconds = time.monotonic() - began
    if done.encoded:
        say(f"{title}: {done.encoded} clips encoded ({done.steps} frames, "
            f"{done.steps / seconds:.0f} a second), {done.found} were there")  # fmt: skip
    return done


def _folder(recipe: Recipe) -> Path:
    return Path(recipe.data.root) / (recipe.data.features or "features")
