"""What plugins wrote beside a run's stages, read again for reports. Free of torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slp_core.errors import UserError
from slp_core.recipe_file import RECIPE, load_recipe


def stages(run: Path) -> Iterator[Path]:
    """The folders of a run's stages: in the order of its recipe, or by name if it has none."""
    recipe = Path(run) / RECIPE
    if recipe.is_file():
        yield from (Path(run) / stage.name for stage in load_recipe(recipe).stages)
    else:
        yield from sorted(one for one in Path(run).iterdir() if one.is_dir())


def read(file: Path) -> dict[str, Any]:
    """A file that a stage wrote; empty where there is none.

    Raises:
        UserError: the file is damaged.
    """
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(f"{file}: is damaged: {error}") from error
