"""A folder of films to a folder of ``.pose`` files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_encoders.processors.mediapipe.estimate import require_mediapipe, write_pose
from slp_encoders.processors.video.film import FRAME_RATE, is_film


def pose_folder(
    folder: Path,
    out: Path,
    *,
    rate: float = FRAME_RATE,
    jobs: int = 1,
    progress: Progress | None = None,
) -> tuple[int, list[str]]:
    """Write ``out/x/y.pose`` for every film ``folder/x/y.mp4`` (or folder of pictures
    ``folder/x/y``, shown at ``rate`` a second) that has none yet.

    ``jobs``: processes, of which each estimates one film at a time.

    Returns:
        How many films have a pose now, and of each other one what is wrong with it.

    Raises:
        UserError: there is no film, two of them have one name, or MediaPipe is not installed.
    """
    films = _named(folder, out)
    require_mediapipe(str(folder))
    left = {pose: film for pose, film in films.items() if not pose.is_file()}
    done, bad = len(films) - len(left), []
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_silence)
    try:
        futures = {pool.submit(write_pose, str(left[pose]), pose, rate): pose for pose in left}
        for number, future in enumerate(as_completed(futures), start=done + 1):
            try:
                future.result()
            except UserError as error:
                bad.append(str(error))
            except BrokenProcessPool:
                bad.append(f"{left[futures[future]]}: MediaPipe broke down at it or at another")
            if progress is not None:
                progress(number, len(films))
    finally:
        pool.shutdown(cancel_futures=True)
    return len(films) - len(bad), sorted(bad)


def _named(folder: Path, out: Path) -> dict[Path, Path]:
    """The films of a folder by the files their poses go to."""
    films: dict[Path, Path] = {}
    for film in _films(folder):
        name = film.name if film.is_dir() else film.stem
        pose = out / film.relative_to(folder).parent / f"{name}.pose"
        if pose in films:
            raise UserError(f"{film}: its pose would have the same name as that of {films[pose]}")
        films[pose] = film
    if not films:
        raise UserError(f"{folder}: there is no video and no folder of pictures in it")
    return films


def _films(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("[!.]*")) if is_film(path))


def _silence() -> None:
    """MediaPipe's libraries write past Python to stderr, where the progress is shown."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
