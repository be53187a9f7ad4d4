"""``.pose`` files from films, by MediaPipe Holistic as pose-format runs it.

What is estimated is kept in the user's cache (``$SLP_CACHE``, ``~/.cache/slp``), under the
content of the film and the version of MediaPipe.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slp_core.files import remembered_hash, whole_file
from slp_core.signals import Clip, SignalError
from slp_encoders.processors.video.film import FRAME_RATE, Film, open_film, upright

if TYPE_CHECKING:
    from pose_format import Pose

COMPLEXITY = 1  #: of MediaPipe's body model; pose-format's own choice


def estimated(source: str, rate: float = FRAME_RATE) -> Path:
    """The ``.pose`` file of a film in the user's cache, estimated if it is not there yet.

    ``rate``: pictures a second, if the film is a folder of them.

    Raises:
        SignalError: as :func:`write_pose`.
    """
    try:
        content = remembered_hash(Path(source))
    except OSError as error:
        raise SignalError(f"{source}: cannot be read: {error.strerror}") from error
    shown = f"{rate:g}" if Path(source).is_dir() else "its own"
    facts = f"{content} {shown} {require_mediapipe(source)} {COMPLEXITY}"
    home = Path(os.environ.get("SLP_CACHE") or Path.home() / ".cache" / "slp")
    file = home / "poses" / f"{hashlib.sha256(facts.encode()).hexdigest()}.pose"
    if not file.is_file():
        write_pose(source, file, rate)
    return file


def write_pose(source: str, file: Path, rate: float = FRAME_RATE) -> None:
    """Estimate a film's pose and write it, whole or not at all: the 576 points of MediaPipe
    Holistic in pose-format's layout, one frame for each of the film's.

    Raises:
        SignalError: the film cannot be read, nobody is seen in it, or MediaPipe is not installed.
    """
    with open_film(Clip(source), rate) as film:
        pose = _estimate(film)
    if not pose.body.confidence.any():
        raise SignalError(f"{source}: MediaPipe sees nobody in it")
    with whole_file(file) as beside, beside.open("wb") as stream:
        pose.write(stream)


def _estimate(film: Film) -> Pose:
    if not isfinite(film.rate):
        raise SignalError(f"{film.clip.source}: does not say how many frames it has a second")
    pictures = _pictures(film)
    first = next(pictures)
    height, width = first.shape[:2]
    return _load_holistic(film.clip.source)(
        chain([first], pictures),
        fps=film.rate,
        width=width,
        height=height,
        additional_holistic_config={"model_complexity": COMPLEXITY},
        reuse=False,  # a used tracker remembers the film before
    )


def _pictures(film: Film) -> Iterator[np.ndarray]:
    """The film's frames, ``h w c``, upright and all of one size."""
    shape = None
    for frame, matrix in film.frames():
        picture = np.ascontiguousarray(upright(frame.to_ndarray(format="rgb24"), matrix))
        shape = shape or picture.shape
        if picture.shape != shape:
            raise SignalError(f"{film.clip.source}: its frames change their size")
        yield picture


def is_installed() -> bool:
    """Whether MediaPipe is there to estimate poses with."""
    try:
        require_mediapipe("")
    except SignalError:
        return False
    return True


def require_mediapipe(source: str) -> str:
    """The version of MediaPipe.

    Raises:
        SignalError: it is not installed.
    """
    try:
        return version("mediapipe")
    except PackageNotFoundError:
        raise _absent(source) from None


def _load_holistic(source: str) -> Any:
    os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe tells much
    try:
        from pose_format.utils.holistic import load_holistic
    except (ImportError, AttributeError) as error:  # later versions have no Holistic
        raise _absent(source) from error
    return load_holistic


def _absent(source: str) -> SignalError:
    return SignalError(
        f"{source}: poses of videos are estimated by MediaPipe, which is not installed: "
        "the extra slp-encoders[mediapipe] wants numpy before 2, and an environment of its own "
        "(docs/data.md, Poses of videos)"
    )
