"""Translating a whole split: batched by length, shared among processes, given back in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from attrs import evolve, frozen

from slp_core.corpus import Progress
from slp_core.signals import Signal
from slp_train import controls, distributed

if TYPE_CHECKING:
    from slp_core.batch import Sample
    from slp_core.parts import Translation
    from slp_core.pipeline import Pipeline


class Samples(Protocol):
    """What can be translated: samples by index, and the steps of each."""

    @property
    def lengths(self) -> Sequence[int]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Sample: ...


def translate_dataset(
    pipeline: Pipeline,
    dataset: Samples,
    *,
    batch_steps: int,
    generation: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Translation]:
    """Translate every sample, in the dataset's order.

    Batches hold samples of similar length, ``batch_steps`` padded steps at most. Under
    ``torch.distributed`` every process translates some of the batches and all get all
    translations; who is in a batch with whom does not depend on the number of processes.
    Labels are taken out of the samples: a decoder that wants them for a translation fails.
    ``progress`` counts the samples of this process.
    """
    from slp_core.batch import collate

    assert len(dataset.lengths) == len(dataset), "the dataset has not been probed"
    batches = length_batches(dataset.lengths, batch_steps)
    share = batches[distributed.rank() :: distributed.world_size()]
    mine: dict[int, Translation] = {}
    with evaluating(pipeline):
        for batch in share:
            samples = [_without_labels(dataset[index]) for index in batch]
            said = pipeline.generate(collate(samples), **(generation or {}))
            mine |= zip(batch, said, strict=True)
            if progress is not None:
                progress(len(mine), sum(map(len, share)))
    found = {index: one for part in distributed.gather(mine) for index, one in part.items()}
    return [found[index] for index in range(len(dataset))]


def length_batches(lengths: Sequence[int], batch_steps: int) -> list[list[int]]:
    """Indices of samples in batches of ``batch_steps`` padded steps at most, longest first.

    A sample that is longer than that is a batch alone.
    """
    batches: list[list[int]] = []
    for index in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= batch_steps:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Evaluation mode inside; each submodule as it was afterwards."""
    training = [one for one in module.modules() if one.training]
    module.eval()
    try:
        yield
    finally:
        for one in training:
            one.training = True


@frozen(eq=False)
class OtherSignals:
    """A dataset's samples with signals that are not theirs."""

    dataset: Samples
    lengths: Sequence[int]
    signals: Callable[[int], dict[str, Signal]]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        return evolve(self.dataset[index], signals=self.signals(index))


def shuffled_signals(dataset: Samples, seed: int) -> OtherSignals:
    """Every sample with the signals of another."""
    givers = controls.shuffled(len(dataset), seed).tolist()
    lengths = [dataset.lengths[giver] for giver in givers]
    return OtherSignals(dataset, lengths, lambda index: dataset[givers[index]].signals)


def blank_signals(dataset: Samples) -> OtherSignals:
    """Every sample with zeros for its signals, as long as they are."""

    def blank(index: int) -> dict[str, Signal]:
        own = dataset[index].signals
        return {name: evolve(one, values=np.zeros_like(one.values)) for name, one in own.items()}

    return OtherSignals(dataset, dataset.lengths, blank)


def _without_labels(sample: Sample) -> Sample:
    """The sample with the decoder's prompts and no other token ids."""
    return evolve(
        sample,
        tokens={
            name: ids
            for name, ids in sample.tokens.items()
            if name.startswith("decoder.") and name != "decoder.labels"
        },
    )
