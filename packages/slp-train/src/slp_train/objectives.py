"""What objectives learn (a temperature), kept from stage to stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slp_core.files import whole_file

if TYPE_CHECKING:
    from slp_core.parts import Objective

FILE = "objectives.safetensors"


def save_objectives(objectives: Mapping[str, Objective], folder: Path) -> None:
    """Write what they have learnt, by label, where they learn anything."""
    from safetensors.torch import save_file

    state = {
        f"{label} {name}": value.detach().cpu().contiguous()
        for label, one in objectives.items()
        for name, value in one.state_dict().items()
    }
    if state:
        with whole_file(folder / FILE) as beside:
            save_file(state, beside)


def carry_on(objectives: Mapping[str, Objective], earlier: Iterable[Path]) -> None:
    """Let objectives begin where those of the same label ended in the last of the ``earlier``
    stages that had one, as SpaMo's temperature does after its warm-up."""
    from safetensors.torch import load_file

    for folder in earlier:
        if not (folder / FILE).is_file():
            continue
        state = load_file(folder / FILE)
        for label, one in objectives.items():
            keys = {name: f"{label} {name}" for name in one.state_dict()}
            if keys and all(key in state for key in keys.values()):
                one.load_state_dict({name: state[key] for name, key in keys.items()})
