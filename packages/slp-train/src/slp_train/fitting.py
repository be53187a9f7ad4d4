"""Parts that are fitted in closed form, to what comes in from the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Any

import torch

from slp_core.batch import collate
from slp_core.check import matches
from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_core.sequence import Sequence
from slp_train.progress import bar

if TYPE_CHECKING:
    from slp_core.dataset import SampleDataset
    from slp_core.pipeline import Pipeline
    from slp_core.recipe import Stage


def fit_parts(
    pipeline: Pipeline, stage: Stage, training: SampleDataset, samples: int
) -> dict[str, Any]:
    """Fit the parts that a stage names, in the order of the data's way; what each tells.

    Raises:
        UserError: a name means no part, or a part that cannot be fitted.
    """
    for pattern in stage.fit:
        if not any(matches(pattern, path) for path in pipeline.parts):
            raise UserError(f'stage "{stage.name}": fit names parts, and "{pattern}" is none')
    told = {}
    for path in pipeline.parts:
        if any(matches(pattern, path) for pattern in stage.fit):
            with bar(f"{stage.name}: {path}") as progress:
                given = inputs_of(pipeline, path, training, samples, progress)
                told[path] = pipeline.part(path).fit(given)
    return told


@torch.no_grad()
def inputs_of(
    pipeline: Pipeline,
    path: str,
    dataset: SampleDataset,
    samples: int,
    progress: Progress | None = None,
) -> Iterator[Sequence]:
    """What comes in at a part, in batches of so many samples, in the order of the rows and
    without random variants."""
    plain = copy(dataset)
    plain.training = False
    caught: list[Sequence] = []
    hook = pipeline.part(path).register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    pipeline.eval()
    try:
        for start in range(0, len(plain), samples):
            end = min(start + samples, len(plain))
            pipeline(collate([plain[row] for row in range(start, end)]).to(pipeline.device))
            yield caught.pop()
            if progress is not None:
                progress(end, len(plain))
    finally:
        hook.remove()
