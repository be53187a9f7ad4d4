"""From the training clips' codes to the words, and what there is to tell about them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from attrs import frozen

from slp_fusion.mappers.cra.candidates import (
    Candidates,
    find_candidates,
    to_characters,
    to_text,
)
from slp_fusion.mappers.cra.codebook import Codebook, greatest_utility, sizes, solve
from slp_fusion.mappers.cra.compression import Codes, compress, mean_run_length, run_lengths
from slp_fusion.mappers.cra.facts import Counted, Facts
from slp_fusion.mappers.cra.segmentation import segment
from slp_fusion.mappers.cra.spec import CRAConfig

SHOWN = 30  # words in each list of a report


@frozen(eq=False)
class Fitted:
    """``alpha``: the mean run length; ``words``: those of several characters, the most frequent
    merges first."""

    alpha: float
    words: list[str]
    facts: Facts


def fit_words(sequences: list[Codes], slow: int, config: CRAConfig) -> Fitted:
    """Learn the words of training clips, ``t`` codes each. ``slow``: the number of the slow-down
    character, which comes after all codes."""
    seconds: dict[str, float] = {}
    with _timed(seconds, "candidates"):
        alpha = float(np.float32(mean_run_length(sequences)))  # as the part's buffer holds it
        texts = [to_text(compress(codes, alpha, slow)) for codes in sequences]
        candidates = find_candidates(
            texts, slow + 1, config.candidates, config.longest, config.min_count
        )
    with _timed(seconds, "transport"):
        tried = [
            solve(candidates, size, config.solver, config.regularisation, config.relaxation)
            for size in _sizes(candidates, config)
        ]
        entropies = [_entropy(one, config) for one in tried]
        chosen = tried[greatest_utility(entropies)]
        merged = [place for place in chosen.kept(config.keep) if place >= candidates.single]
        words = [candidates.words[place] for place in merged]
    with _timed(seconds, "segmentation"):
        used = Counter(word for text in texts for word in segment(text, set(words), config.longest))
    codes = np.bincount(np.concatenate(sequences), minlength=slow)
    runs = np.bincount(np.concatenate([run_lengths(one)[1] for one in sequences]))
    facts = Facts(
        alpha=alpha,
        run_lengths={str(length): int(runs[length]) for length in np.flatnonzero(runs)},
        slow=slow,
        codes=codes.tolist(),
        clips=len(sequences),
        steps=int(codes.sum()),
        characters=sum(map(len, texts)),
        words=used.total(),
        candidates=len(candidates.words) - candidates.single,
        per_character=config.per_character,
        entropies=[(one.size, value) for one, value in zip(tried, entropies, strict=True)],
        size=chosen.size,
        kept=len(words),
        dropped=chosen.size - candidates.single - len(words),
        character_error=chosen.character_error,
        word_error=chosen.word_error,
        longest_words=_shown(used, lambda word: (-len(word), -used[word], word)),
        most_used_words=_shown(used, lambda word: (-used[word], -len(word), word)),
        seconds=seconds,
    )
    return Fitted(alpha, words, facts)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - start


def _sizes(candidates: Candidates, config: CRAConfig) -> list[int]:
    if config.size is None:
        return sizes(candidates, config.step)
    return [min(max(config.size, candidates.single), len(candidates.words))]


def _entropy(codebook: Codebook, config: CRAConfig) -> float:
    return codebook.entropy_per_character if config.per_character else codebook.entropy


def _shown(used: Counter[str], order: Callable[[str], Any]) -> list[Counted]:
    """The first words in an order, as the numbers of their characters, with their counts."""
    return [(to_characters(word), used[word]) for word in sorted(used, key=order)[:SHOWN]]
