"""The blindness controls: what is said by whoever does not see the right signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slp_core.errors import UserError
from slp_core.manifest import Row
from slp_core.signals import Signal
from slp_train import controls
from slp_train.evaluation.scores import BLANK, FREQUENT, NEAREST, SHUFFLED
from slp_train.evaluation.translation import Samples, blank_signals, shuffled_signals

if TYPE_CHECKING:
    from slp_core.dataset import SampleDataset

_NEIGHBOURS = 2000  # training samples among which the nearest is looked for
_CHANNELS = 1024  # of a signal; where it has more, every so many-th describes it


def blind_hypotheses(
    dataset: SampleDataset,
    train: Sequence[Row],
    target: str,
    translate: Callable[[Samples], list[str]],
    seed: int,
) -> Iterator[tuple[str, list[str]]]:
    """Each control's name and its hypotheses for the dataset.

    A single sample cannot be shuffled; without training rows there are no training sentences.
    """
    if len(dataset) > 1:
        yield SHUFFLED, translate(shuffled_signals(dataset, seed))
    yield BLANK, translate(blank_signals(dataset))
    if train:
        frequent = controls.most_frequent([row.get(target) for row in train])
        yield FREQUENT, [frequent] * len(dataset)
        yield NEAREST, nearest_sentences(dataset, train, target, seed)


def nearest_sentences(
    dataset: SampleDataset, train: Sequence[Row], target: str, seed: int
) -> list[str]:
    """For each sample the sentence of the training sample whose signals are most like its own.

    Looked for among 2000 training rows drawn at random, of those that can be read.
    """
    rng = np.random.default_rng(seed)
    if len(train) > _NEIGHBOURS:
        drawn = rng.choice(len(train), _NEIGHBOURS, replace=False)
        train = [train[index] for index in np.sort(drawn)]
    sentences, known = [], []
    for row in train:
        try:
            signals = dataset.cache.read(dataset.reader, row)
        except UserError:  # left out of training, and listed there
            continue
        sentences.append(row.get(target))
        known.append(describe(signals))
    wanted = [describe(dataset[index].signals) for index in range(len(dataset))]
    found = controls.nearest(np.stack(known), np.stack(wanted))
    return [sentences[index] for index in found]


def describe(signals: dict[str, Signal]) -> NDArray[np.float32]:
    """A sample's signals as one vector of a fixed size.

    Clips as :func:`slp_train.controls.describe` has it; token ids by how often each occurs.
    """
    vectors = []
    for signal in signals.values():
        values = signal.values
        if values.ndim == 1:  # token ids; pictures are integers too
            counts = np.bincount(values.ravel() % _CHANNELS, minlength=_CHANNELS)
            vectors.append(counts / values.size)
        else:
            flat = values.reshape(len(values), -1)  # (t, d)
            some = flat[:, :: -(-flat.shape[1] // _CHANNELS)].astype(np.float32)
            vectors.append(controls.describe(some))
    return np.concatenate(vectors).astype(np.float32)
