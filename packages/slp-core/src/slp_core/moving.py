"""Clips as they move, for the players of reports. Free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    import numpy as np

LONGEST = 30.0  #: seconds that are shown of a clip
FASTEST = 25.0  #: pictures a second

Limbs = list[tuple[int, int]]


@frozen(eq=False)
class Skeleton:
    """Points that move in a box of 100 by 100, y downwards.

    ``points``: ``t p 2``; ``seen``: ``t p``; ``limbs``: the pairs of points that lines join, by
    what they are ("body", "left hand", "right hand"); ``dots``: points that are drawn as such;
    ``rate``: steps a second."""

    points: np.ndarray
    seen: np.ndarray
    limbs: dict[str, Limbs]
    dots: list[int]
    rate: float


@frozen(eq=False)
class Film:
    """A film in a format that browsers play: its bytes, and what they are (``video/webm``)."""

    content: bytes
    kind: str
    seconds: float
