"""What it costs to find words in characters: seconds, memory and how well the marginals are met.

Synthetic clips of 256 characters, with signs of two to six characters in them whose frequencies
fall as Zipf says, and some noise. For each number of candidate words: finding the candidates, and
one transport problem over all of them, by POT on the dense matrix and by the sparse solver, in
processes of their own on one core::

    python benchmarks/cra.py [--candidates 2000 8000 30000 120000] [--regularisation 1]
                             [--relaxation 10] [--memory 2]

Seconds are the processor's. Peak memory is that of numpy's arrays while solving, and for finding
candidates what the process grows by. POT is left out where it would need more than ``--memory``
GB. The errors are the greatest over all characters and over all words; a relaxed word's is meant
to be there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from slp_fusion.mappers.cra.candidates import Candidates, find_candidates, to_text
from slp_fusion.mappers.cra.codebook import Codebook, solve

CHARACTERS = 256
NOISE = 0.2
DENSE = 6  #: matrices of characters by words that POT holds at once, about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--candidates", type=int, nargs="+", default=[2_000, 8_000, 30_000, 120_000]
    )
    for name, default in (("regularisation", 1.0), ("relaxation", 10.0), ("memory", 2.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}  # of the processes below
    table = Table(title=f"regularisation {options.regularisation:g}, relaxation "
                        f"{options.relaxation:g}")  # fmt: skip
    for column in ("words", "text", "", "seconds", "MB", "character error",
                   "word error", "entropy"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left")
    for limit in options.candidates:
        texts = clips(limit)
        found, seconds, size = alone(grown, find_candidates, texts, CHARACTERS, limit, 8, 2)
        words = f"{len(found.words) - found.single:,}"
        table.add_row(words, f"{sum(map(len, texts)):,}", "candidates", f"{seconds:.2f}",
                      f"{size:.0f}")  # fmt: skip
        for solver in ("pot", "sparse"):
            table.add_row("", "", solver, *solved(found, solver, options))
        table.add_section()
    Console(width=100).print(table)


def clips(limit: int) -> list[str]:
    """Texts long enough for so many candidates, from a vocabulary of half as many signs."""
    draw = np.random.default_rng(0)
    often = 1 / (np.arange(CHARACTERS) + 20)
    signs = [
        draw.choice(CHARACTERS, length, p=often / often.sum())
        for length in draw.integers(2, 7, limit // 2)
    ]
    zipf = 1 / (np.arange(len(signs)) + 2.7)
    found = []
    for chosen in draw.choice(len(signs), (limit, 6), p=zipf / zipf.sum()):
        text = np.concatenate([signs[sign] for sign in chosen])
        noisy = draw.random(len(text)) < NOISE
        found.append(to_text(np.where(noisy, draw.integers(CHARACTERS, size=len(text)), text)))
    return found


def solved(found: Candidates, solver: str, options: argparse.Namespace) -> tuple[str, ...]:
    size = len(found.words)
    if solver == "pot" and DENSE * CHARACTERS * size * 8 > options.memory * 1e9:
        return ("left out", f"over {1000 * options.memory:.0f}")
    arguments = (found, size, solver, options.regularisation, options.relaxation)
    done: Codebook
    done, seconds, _ = alone(grown, solve, *arguments)
    _, _, memory = alone(traced, solve, *arguments)
    return (f"{seconds:.2f}", f"{memory:.0f}", f"{done.character_error:.0e}",
            f"{done.word_error:.1e}", f"{done.entropy:.6f}")  # fmt: skip


def alone(measure: Callable[..., Any], *arguments: Any) -> Any:
    """Call in a fresh process."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(measure, *arguments).result()


def grown(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float, float]:
    """What it gives, the seconds, and the MB the process grows by at most."""
    if function is solve:
        import ot.unbalanced  # noqa: F401 (two seconds that are no part of it)
    before, start = peak(), time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start, peak() - before


def traced(function: Callable[..., Any], *arguments: Any) -> tuple[None, float, float]:
    """The MB that Python and numpy hold at most."""
    import ot.unbalanced  # noqa: F401

    tracemalloc.start()
    start = time.process_time()
    function(*arguments)
    return None, time.process_time() - start, tracemalloc.get_traced_memory()[1] / 1e6


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
