"""Clips that can be played in the page: small films, and skeletons drawn by ``player.js``."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from slp_core.moving import Film, Skeleton

LIMIT = 4_000_000  #: bytes of players in a page
UNSEEN = 255  #: in the place of a coordinate
_STEPS = 254  # from one side of the box to the other


@frozen
class Player:
    """What a player plays: a film's data URL, or a skeleton's attributes."""

    film: str = ""
    points: str = ""  #: base64 of ``t p 2`` bytes: see :func:`quantised`
    limbs: str = ""  #: JSON
    dots: str = ""  #: JSON
    count: int = 0  #: points a step
    rate: float = 0.0

    @property
    def size(self) -> int:
        return len(self.film) + len(self.points) + len(self.limbs) + len(self.dots)


def player(shown: Film | Skeleton) -> Player:
    """What is written into the page."""
    if isinstance(shown, Film):
        return Player(film=f"data:{shown.kind};base64,{b64encode(shown.content).decode()}")
    return Player(
        points=b64encode(quantised(shown).tobytes()).decode(),
        limbs=json.dumps(shown.limbs, separators=(",", ":")),
        dots=json.dumps(shown.dots, separators=(",", ":")),
        count=shown.points.shape[1],
        rate=round(shown.rate, 3),
    )


def quantised(shown: Skeleton) -> NDArray[np.uint8]:
    """``t p 2``: the box's 100 as 254, which is less than a quarter of a unit off; 255 where a
    point is not seen."""
    places = np.clip(shown.points, 0, 100) * (_STEPS / 100)
    return np.where(shown.seen[..., None], places.round(), UNSEEN).astype(np.uint8)


@define
class Budget:
    """How much more players may weigh, and how many were left out for it."""

    left: int = field(default=LIMIT)
    refused: int = 0

    def afford(self, players: Iterable[Player]) -> list[Player]:
        """Those for which there is room; the others are counted."""
        found = []
        for one in players:
            if one.size <= self.left:
                self.left -= one.size
                found.append(one)
            else:
                self.refused += 1
        return found
