"""Parts inside parts: `then = { use = "causal-lm", ... }` among a decoder's keys. No torch."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from slp_core.spec import ComponentSpec


@frozen
class Inner:
    """A part that another one's configuration holds, found and configured.

    A configuration has a field of this type, whose metadata tell the kind, and ``use`` where a
    recipe need not name the part::

        first: Inner = field(metadata={"part": "decoder", "use": "ctc", "help": "..."})

    :func:`slp_core.build.build_inner` builds it.
    """

    spec: ComponentSpec
    config: Any
    name: str = ""  #: as the recipe calls it


def inner_parts(config: type) -> list[str]:
    """The keys of a configuration that hold parts."""
    fields = attrs.fields(config) if attrs.has(config) else ()
    return [field.name for field in fields if "part" in field.metadata]
