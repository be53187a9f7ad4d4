"""``synthesize``: a whole corpus, deterministic in its seed, there entirely or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slp_core.errors import UserError
from slp_encoders.synthetic.lexicon import FEW_NAMES, MOST_NAMES

if TYPE_CHECKING:
    from slp_encoders.synthetic.sample import Task

#: changes whenever the same arguments would give other samples
GENERATOR = 2
SPLITS = ("train", "validation", "test")
LEAST_SAMPLES, MOST_SAMPLES = 10, 100_000  #: the grammar has some 500,000 sentences
_COMPLETE = "corpus.json"
_ENOUGH_FOR_A_PROCESS = 32  # samples; starting a process costs as much as these


def synthesize(
    out: Path,
    samples: int,
    seed: int = 0,
    *,
    video: bool = True,
    names: float = 0.2,
    distinct_names: int = FEW_NAMES,
    unseen_names: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Make a corpus, or find the one that the same arguments made before.

    A tenth of the samples each are validation and test, signed by people and made of sentences
    that training does not know, though it knows their every sign and word. The number of worker
    processes has no influence on what is made; a script that uses more than one guards its entry
    with ``if __name__ == "__main__"``, as every script that starts processes does.

    Args:
        out: the corpus's folder; absent, empty, or made by the same arguments.
        samples: how many in all, 10 to 100,000. From about 60 on, all signs and names occur.
        seed: decides sentences, signers and their every movement.
        names: the share of sentences that speak of a spelled name; below 1.
        distinct_names: how many names there are, 12 to 150. A dozen can be learnt by heart.
        unseen_names: validation and test speak of names that training never does.
        video: also draw an mp4 of each sample; without it manifests have no ``video`` column.
        workers: processes to use; by default as many as there are processors to run on.
        progress: called with the number of finished samples and of all.

    Returns:
        the manifests ``train``, ``validation`` and ``test``.

    Raises:
        UserError: ``out`` holds something else, or an argument is out of range.
    """
    out = Path(out)
    if not LEAST_SAMPLES <= samples <= MOST_SAMPLES:
        raise UserError(f"samples is {samples}; expected {LEAST_SAMPLES} to {MOST_SAMPLES}")
    if seed < 0:
        raise UserError(f"seed is {seed}; expected 0 or more")
    if not 0 <= names < 1:
        raise UserError(f"names is {names}; expected 0 or more, and less than 1")
    if not FEW_NAMES <= distinct_names <= MOST_NAMES:
        raise UserError(f"distinct_names is {distinct_names}; expected {FEW_NAMES} to {MOST_NAMES}")
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}; expected 1 or more")
    made_from: dict[str, Any] = {
        "generator": GENERATOR,
        "samples": samples,
        "seed": seed,
        "video": video,
        "names": names,
    }
    # told only where they are used: corpora made before they were options stay theirs
    made_from |= {"distinct_names": distinct_names} if distinct_names != FEW_NAMES else {}
    made_from |= {"unseen_names": True} if unseen_names else {}
    if not _is_there(out, made_from):
        _make(out, made_from, workers, progress or (lambda done, total: None))
    return {split: out / f"{split}.tsv" for split in SPLITS}


def _is_there(out: Path, made_from: dict[str, Any]) -> bool:
    """Whether ``out`` is that corpus.

    Raises:
        UserError: it is neither that corpus nor absent nor an empty folder.
    """
    if not out.exists():
        return False
    if not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the synthetic corpus")
    if not any(out.iterdir()):
        return False
    try:
        found = json.loads((out / _COMPLETE).read_text(encoding="utf-8"))["made_from"]
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{out}: holds files but no complete synthetic corpus; "
            "name another folder or empty this one"
        ) from error
    if found != made_from:
        raise UserError(
            f"{out}: holds a synthetic corpus made from {_words(found)}, not {_words(made_from)}; "
            "name another folder or remove this one"
        )
    return True


def _words(made_from: dict[str, Any]) -> str:
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in made_from.items())


def _make(
    out: Path,
    made_from: dict[str, Any],
    workers: int | None,
    progress: Callable[[int, int], None],
) -> None:
    from slp_core.files import whole_folder, write_text
    from slp_core.manifest import write_manifest

    with whole_folder(out) as folder:
        (folder / "poses").mkdir()
        if made_from["video"]:
            (folder / "videos").mkdir()
        tasks = _tasks(folder, **made_from)
        rows: dict[str, list[dict[str, str]]] = {split: [] for split in SPLITS}
        done, total = 0, sum(map(len, tasks.values()))
        with _workers(workers, total) as run:
            for split, row in zip(
                (split for split, own in tasks.items() for _ in own),
                run([task for own in tasks.values() for task in own]),
                strict=True,
            ):
                rows[split].append(row)
                done += 1
                progress(done, total)
        for split, own in rows.items():
            columns = [name for name in own[0] if made_from["video"] or name != "video"]
            lines = [[row[name] for name in columns] for row in own]
            write_manifest(folder / f"{split}.tsv", columns, lines)
        described = {"made_from": made_from, **_description(made_from)}
        write_text(folder / _COMPLETE, json.dumps(described, indent=1) + "\n")


def _tasks(
    folder: Path,
    generator: int,
    samples: int,
    seed: int,
    video: bool,
    names: float,
    distinct_names: int = FEW_NAMES,
    unseen_names: bool = False,
) -> dict[str, list[Task]]:
    from random import Random

    from slp_encoders.synthetic.grammar import split_sentences
    from slp_encoders.synthetic.sample import Task
    from slp_encoders.synthetic.signer import signers

    held_out = round(samples / 10)
    sentences = split_sentences(
        Random(f"{seed}/sentences"),
        samples - 2 * held_out,
        held_out,
        held_out,
        names,
        distinct_names,
        unseen_names,
    )
    cast, tasks, number = signers(seed), {}, 0
    for split in SPLITS:
        tasks[split] = [
            Task(
                name=f"{split}-{row + 1:05}",
                sentence=sentence,
                signer=cast[split][row % len(cast[split])],
                seed=(seed, number + row),
                folder=folder,
                video=video,
            )
            for row, sentence in enumerate(sentences[split])
        ]
        number += len(tasks[split])
    return tasks


@contextmanager
def _workers(
    workers: int | None, samples: int
) -> Iterator[Callable[[list[Task]], Iterator[dict[str, str]]]]:
    """Give a function that writes samples, in order, in as many processes as are worth it."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from slp_encoders.synthetic.sample import write_sample

    if workers is None:
        workers = max(1, min(os.cpu_count() or 1, samples // _ENOUGH_FOR_A_PROCESS))
    if workers == 1:
        yield lambda tasks: map(write_sample, tasks)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_die_with_parent) as pool:
        yield lambda tasks: pool.map(write_sample, tasks, chunksize=4)


def _die_with_parent() -> None:
    """Leave no orphan: a worker whose parent is killed ends itself."""
    from multiprocessing import parent_process
    from threading import Thread

    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _description(made_from: dict[str, Any]) -> dict[str, Any]:
    """The written phonology and the signers, for ``corpus.json``."""
    from attrs import asdict

    from slp_encoders.synthetic import lexicon, phonology
    from slp_encoders.synthetic.signer import signers

    return {
        "phonology": {
            "handshapes": {name: asdict(shape) for name, shape in phonology.HANDSHAPES.items()},
            "locations": phonology.LOCATIONS,
            "movements": phonology.MOVEMENTS,
            "mouthings": phonology.MOUTHINGS,
        },
        "lexicon": [asdict(sign) for sign in lexicon.LEXICON.values()],
        "minimal_pairs": lexicon.MINIMAL_PAIRS,
        "names": lexicon.NAMES[: made_from.get("distinct_names", FEW_NAMES)],
        "unseen_names": lexicon.UNSEEN_NAMES,
        "signers": {
            split: [asdict(signer) for signer in people]
            for split, people in signers(made_from["seed"]).items()
        },
    }
