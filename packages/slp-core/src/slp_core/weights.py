"""A pipeline's weights on disk: in one file, or in two.

``model.safetensors`` holds them all. In the folders of a stage it holds what the stage may change,
and ``frozen.safetensors`` the rest: a file that these folders share by hard links, so that each of
them is whole and the disk holds the rest once.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model
from torch import nn

from slp_core.errors import UserError

WEIGHTS = "model.safetensors"
FROZEN = "frozen.safetensors"
_SHOWN = 3  #: names of weights in a message


def save_whole(model: nn.Module, folder: Path) -> None:
    save_model(model, str(folder / WEIGHTS))


def save_apart(model: nn.Module, folder: Path, earlier: Path | None = None) -> None:
    """Write the parameters that take no gradient into a file of their own.

    It is the one of the folder ``earlier`` if that has the same parameters in it, which must not
    have changed since. Buffers count as what may change.
    """
    still = {
        name
        for name, parameter in model.named_parameters(remove_duplicate=False)
        if not parameter.requires_grad
    }
    state = model.state_dict()
    frozen = {name: value for name, value in state.items() if name in still}
    moving = {name: value for name, value in state.items() if name not in still}
    save_model(_Some(moving), str(folder / WEIGHTS))
    if frozen and not (earlier and _link(earlier / FROZEN, folder / FROZEN, frozen.keys())):
        save_model(_Some(frozen), str(folder / FROZEN))


class _Some(nn.Module):
    """Some of a module's weights, which ``save_model`` asks for: it knows what to do about ties."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__()
        self._state = state

    def state_dict(self, *_: Any, **__: Any) -> Any:
        return self._state


def _link(file: Path, place: Path, wanted: Collection[str]) -> bool:
    """Give a file a second name, if it holds the wanted weights and the file system has links."""
    try:
        with safe_open(file, "pt") as held:
            names = {*held.keys(), *(held.metadata() or ())}  # the latter: of tied ones
        if names == set(wanted):
            os.link(file, place)
            return True
    except (OSError, SafetensorError):  # no such file, damaged, no links: it is written anew
        pass
    return False


def load_weights(model: nn.Module, folder: Path, device: str) -> None:
    """Load strictly what :func:`save_whole` or :func:`save_apart` wrote.

    Raises:
        UserError: weights are absent, missing, unexpected, in both files or of another shape.
    """
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder / WEIGHTS}: there are no weights")
    files = [file for file in (folder / FROZEN, folder / WEIGHTS) if file.is_file()]
    missing: list[set[str]] = []
    held: list[set[str]] = []
    unexpected: set[str] = set()
    for file in files:
        try:
            absent, stray = load_model(model, file, strict=False, device=device)
            with safe_open(file, "pt") as weights:
                held.append({*weights.keys()})
        except (RuntimeError, SafetensorError) as error:
            raise UserError(f"{file}: does not fit this pipeline: {error}") from error
        missing.append({*absent})
        unexpected |= {*stray}
    wrong = {
        "missing": set.intersection(*missing),
        "unexpected": unexpected,
        "in both files": set.intersection(*held) if len(files) > 1 else set(),
    }
    said = [f"{_first(names)} {what}" for what, names in wrong.items() if names]
    if wrong["missing"] and len(files) == 1:
        said.append(f"a stage's folders have what it froze in {FROZEN}, and there is none")
    if said:
        raise UserError(f"{folder / WEIGHTS}: does not fit this pipeline: {'; '.join(said)}")


def _first(names: Collection[str]) -> str:
    """``a, b, c and 9 more``."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more
