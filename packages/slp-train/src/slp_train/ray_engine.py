"""Extraction on a Ray cluster: actors that fill one feature cache.

Only the recipe and numbers of rows travel. Every machine reads the same files under the same
paths and has the same packages; the cache takes several writers by itself.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from slp_core.check import check
from slp_core.dataset import BadRow
from slp_core.errors import UserError
from slp_core.features import Extraction, ExtractionProgress, frozen_streams, open_store
from slp_core.manifest import Row
from slp_core.recipe import Precision, Recipe

if TYPE_CHECKING:
    from slp_core.pipeline import Pipeline

_FEWEST, _MOST = 16, 256  #: rows handed to an actor at once: each time, weights are hashed
_ROUNDS = 8  #: times an actor is handed rows, where there are enough of them


@frozen
class Job:
    """What an actor is told: ``home`` is the folder that relative paths start from, ``threads``
    what torch may use, where the machine has as many cores."""

    recipe: Recipe
    folder: Path
    precision: Precision
    home: str
    threads: int


class Worker:
    """An actor: builds the recipe's pipeline once, and encodes the rows whose numbers it is told.

    A :class:`UserError` is an answer like others: Ray would bury it.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        try:
            return {"done": [self.encode(some) for some in batch["rows"]], "error": [""]}
        except UserError as error:
            return {"done": [""], "error": [str(error)]}

    def encode(self, numbers: Sequence[int]) -> str:
        """Encode rows. JSON: their number, and an :class:`Extraction` with bad rows by number."""
        from slp_train.features import on_gpu

        pipeline, rows = self._built
        some = {rows[number]: int(number) for number in numbers}
        store = open_store(self.job.folder)
        streams = frozen_streams(pipeline)
        with on_gpu(pipeline, streams):
            done = store.extract(pipeline, streams, list(some), self.job.precision)
        bad = [[some[one.row], one.reason] for one in done.bad]
        return json.dumps([len(some), done.encoded, done.found, done.steps, bad])

    @cached_property
    def _built(self) -> tuple[Pipeline, list[Row]]:
        import torch

        from slp_core.build import build_encoders
        from slp_train.run import read_manifests

        os.chdir(self.job.home)
        torch.set_num_threads(min(self.job.threads, os.cpu_count() or 1))
        manifests = read_manifests(self.job.recipe)
        pipeline = build_encoders(check(self.job.recipe), manifests.get("train"))
        return pipeline, [row for manifest in manifests.values() for row in manifest]


def extract(
    recipe: Recipe,
    folder: Path,
    precision: Precision,
    rows: Sequence[Row],
    share: Sequence[int],
    workers: int | None = None,
    progress: ExtractionProgress | None = None,
) -> Extraction:
    """Encode a share, given by number, of the rows of all of the recipe's splits.

    ``workers``: how many actors, by default as many as the cluster has GPUs, or machines if it
    has none. A running cluster is used if Ray finds one (``RAY_ADDRESS``), else this machine is
    one. ``progress`` is told rows in place of clips.

    Raises:
        UserError: Ray is not installed, the cluster is too small, or an actor cannot work.
    """
    parts: list[Extraction] = []
    through = 0
    if not share:
        return Extraction(0, 0, 0, ())
    with _cluster():
        cores, gpus, machines = _resources()
        workers = workers or gpus or machines
        if workers > cores:
            raise UserError(f"--workers {workers}: Ray has only {cores} cores, a worker needs one")
        columns = sorted({one.signal for one in recipe.streams.values() if one.signal})
        size = min(max(len(share) // (_ROUNDS * workers), _FEWEST), _MOST)
        blocks = deal(rows, share, columns, size)
        job = Job(recipe, folder, precision, str(Path.cwd()), cores // workers)
        if progress is not None:
            progress(0, len(share), 0)  # the time left counts from here
        for read, encoded, found, steps, bad in _work(job, blocks, workers, gpus):
            bad_rows = tuple(BadRow(rows[number], reason) for number, reason in bad)
            parts.append(Extraction(encoded, found, steps, bad_rows))
            through += read
            if progress is not None:
                progress(through, len(share), sum(one.steps for one in parts))
    return Extraction(
        encoded=sum(one.encoded for one in parts),
        found=sum(one.found for one in parts),
        steps=sum(one.steps for one in parts),
        bad=tuple(row for one in parts for row in one.bad),
    )


def deal(
    rows: Sequence[Row], share: Sequence[int], columns: Sequence[str], size: int
) -> list[list[int]]:
    """Numbers of rows in blocks of at least ``size``, but for the last. Rows that mean the same
    clips are in one block, so that no two actors encode them."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for number in share:
        row = rows[number]
        clips = (row.file.parent, *(row.get(one) for one in (*columns, "start", "end")))
        alike.setdefault(clips, []).append(number)
    blocks: list[list[int]] = []
    for numbers in alike.values():
        if not blocks or len(blocks[-1]) >= size:
            blocks.append([])
        blocks[-1] += numbers
    return blocks


def _work(job: Job, blocks: list[list[int]], workers: int, gpus: int) -> Iterator[list[Any]]:
    """What :meth:`Worker.encode` says of each block, in any order."""
    import ray

    items = [{"rows": numbers} for numbers in blocks]
    dataset = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        Worker,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(items))),
        num_cpus=1,
        num_gpus=1 / ceil(workers / gpus) if gpus else None,  # as many workers on each GPU
    )
    for result in dataset.iter_rows():
        if result["error"]:
            raise UserError(result["error"])
        yield json.loads(result["done"])


def _resources() -> tuple[int, int, int]:
    """The cores, GPUs and machines of the cluster."""
    import ray

    there = ray.cluster_resources()
    machines = sum(node["Alive"] for node in ray.nodes())
    return int(there.get("CPU", 0)), int(there.get("GPU", 0)), machines


def import_ray() -> None:
    """Import Ray, so that it says little and sends nothing to its makers.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Under `uv run`, Ray would make every actor an environment of its own.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    try:
        import ray.data  # noqa: F401
    except ImportError:
        raise UserError("--engine ray needs Ray: uv pip install 'slp-encoders[ray]'") from None


@contextmanager
def _cluster() -> Iterator[None]:
    """A quiet Ray: the one this process has joined, or one for this long."""
    import_ray()
    import ray

    begun = not ray.is_initialized()
    if begun:
        with _silence():
            ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        if begun:
            ray.shutdown()


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing of what native code writes on stderr; exceptions are raised as ever."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
