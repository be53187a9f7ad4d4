"""Commands: they load, and say what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slp_core.spec import ComponentSpec
from slp_core.testing.findings import Findings
from slp_core.testing.trial import Trial


def examine(spec: ComponentSpec, config: Any, trial: Trial, folder: Path, found: Findings) -> None:
    """Hold a command to having a help text; what it does is its own."""
    command = spec.load()
    if not hasattr(command, "get_short_help_str"):
        found.fault("factory", f"is a {type(command).__name__}, a click command is expected")
    elif not command.get_short_help_str():
        found.fault("help", "it has no help; write a docstring")
    found.not_tried("what it does")
