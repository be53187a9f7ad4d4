"""Which parts are installed: entry points, listed without importing anything.

One entry-point group a kind (``slp.encoder``); the value names a
:class:`~slp_core.spec.ComponentSpec`. The packages of this repository are found exactly as
anybody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, distributions

from attrs import frozen

from slp_core.errors import UserError, did_you_mean
from slp_core.spec import API, KINDS, ComponentSpec

PREFIX = "slp."


@frozen
class Entry:
    """One registered part, not imported yet."""

    kind: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def long_name(self) -> str:
        """``dist:name``, which is never ambiguous."""
        return f"{self.distribution}:{self.name}"

    @property
    def ambiguous(self) -> bool:
        """Whether several packages register the name; a recipe writes the long one then."""
        return sum(one.name == self.name for one in of_kind(self.kind)) > 1

    def __str__(self) -> str:
        return (
            f'{self.kind} "{self.name}" of {self.distribution} {self.version} '
            f"({self.entry_point.value})"
        )

    def load(self) -> ComponentSpec:
        """Import the spec (light, no torch).

        Raises:
            UserError: the module is missing or fails, the value is no spec, its kind is another
                or its API version is not ours. Only the user of this part is affected.
        """
        try:
            spec = self.entry_point.load()
        except Exception as error:  # a plugin may fail in any way; its user is told how
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"{self}: cannot be loaded: {reason}") from error
        if not isinstance(spec, ComponentSpec):
            raise UserError(f"{self}: is a {type(spec).__name__}, a ComponentSpec is expected")
        if spec.api != API:
            newer = "slp-core" if spec.api > API else self.distribution
            raise UserError(
                f"{self}: is written for plugin API {spec.api}, this slp-core has {API}; "
                f"upgrade {newer}"
            )
        if spec.kind != self.kind:
            raise UserError(f"{self}: its spec says that its kind is {spec.kind}")
        return spec


@cache
def entries() -> tuple[Entry, ...]:
    """Every registered part of every installed distribution, sorted by kind and name."""
    found: dict[tuple[str, str, str], Entry] = {}
    for distribution in distributions():
        for point in distribution.entry_points:
            kind = point.group.removeprefix(PREFIX)
            if kind not in KINDS or kind == point.group:
                continue
            key = (kind, point.name, distribution.name)
            # A distribution seen twice on sys.path counts once: the first, as Python imports it.
            found.setdefault(
                key, Entry(kind, point.name, distribution.name, distribution.version, point)
            )
    order = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(
        sorted(found.values(), key=lambda e: (order.get(e.kind, 99), e.name, e.distribution))
    )


def of_kind(kind: str) -> Iterator[Entry]:
    """The registered parts of one kind."""
    return (entry for entry in entries() if entry.kind == kind)


def find(kind: str, name: str) -> Entry:
    """The part of that kind and name; ``dist:name`` chooses among several.

    Raises:
        UserError: none has the name (the nearest is suggested, other kinds that have it are
            told), or several have it (their long names are told).
    """
    distribution, _, short = name.rpartition(":")
    same = [entry for entry in of_kind(kind) if entry.name == short]
    found = [entry for entry in same if distribution in ("", entry.distribution)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f'"{entry.long_name}"' for entry in found)
        raise UserError(f'"{name}" is registered by {len(found)} packages; write {names}')
    elsewhere = [entry.kind for entry in entries() if entry.name == name]
    if elsewhere:
        raise UserError(f'"{name}" is no {kind}; its kind is {" or ".join(elsewhere)}')
    installed = [entry.name for entry in of_kind(kind)]
    if not installed:
        raise UserError(f'no {kind} "{name}": no installed package registers any {kind}')
    raise UserError(f'no {kind} "{name}"{did_you_mean(name, installed)}')
