"""Signers: how a body, its habits and the camera before it differ from person to person."""

from __future__ import annotations

from random import Random

from attrs import frozen

#: signers by split; whoever is seen in one split is seen in no other
CAST = {"train": 12, "validation": 4, "test": 4}

Colour = tuple[int, int, int]
_SKINS = ((243, 208, 180), (222, 177, 142), (190, 138, 102), (141, 95, 67), (102, 69, 50))
_HAIRS = ((40, 30, 26), (92, 62, 40), (150, 112, 60), (70, 70, 74), (178, 92, 48))
_SHIRTS = ((38, 46, 72), (60, 60, 60), (96, 36, 44), (30, 84, 78), (76, 66, 110))
_WALLS = ((206, 214, 222), (188, 204, 190), (222, 212, 196), (176, 186, 206), (226, 226, 226))


@frozen
class Signer:
    """Factors are 1 for the average person; lengths are in shoulder widths, angles in degrees."""

    name: str
    left_handed: bool
    tempo: float  #: signs a second, as a factor
    arm: float  #: length of the arms
    torso: float  #: length of the trunk
    head: float  #: size of the head
    hand: float  #: size of the hands
    amplitude: float  #: size of the movements
    laxness: float  #: share by which fingers fall short of their handshape
    lips: float  #: how far the mouth moves
    bias: tuple[float, float]  #: where this person's signing space lies off the common one
    sway: float  #: how much the body rocks
    noise: float  #: standard deviation of a tracked point
    dropout: float  #: share of frames in which a visible hand is lost
    scale: float  #: shoulder width, as a share of the picture's width
    centre: tuple[float, float]  #: middle of the shoulders, as shares of the picture
    roll: float  #: turn of the camera
    yaw: float  #: turn of the body to a side
    skin: Colour
    hair: Colour
    shirt: Colour
    wall: Colour


def _draw(name: str, left_handed: bool, random: Random) -> Signer:
    between = random.uniform
    return Signer(
        name=name,
        left_handed=left_handed,
        tempo=between(0.85, 1.2),
        arm=between(0.95, 1.08),
        torso=between(0.94, 1.08),
        head=between(0.92, 1.08),
        hand=between(0.9, 1.1),
        amplitude=between(0.85, 1.2),
        laxness=between(0.0, 0.2),
        lips=between(0.85, 1.15),
        bias=(between(-0.05, 0.05), between(-0.05, 0.05)),
        sway=between(0.005, 0.02),
        noise=between(0.006, 0.014),
        dropout=between(0.01, 0.06),
        scale=between(0.33, 0.41),
        centre=(between(0.46, 0.54), between(0.42, 0.47)),
        roll=between(-4, 4),
        yaw=between(-16, 16),
        skin=random.choice(_SKINS),
        hair=random.choice(_HAIRS),
        shirt=random.choice(_SHIRTS),
        wall=random.choice(_WALLS),
    )


def signers(seed: int) -> dict[str, tuple[Signer, ...]]:
    """The signers of each split; every fourth of a split is left-handed."""
    random = Random(f"{seed}/signers")
    cast: dict[str, tuple[Signer, ...]] = {}
    for split, count in CAST.items():
        cast[split] = tuple(
            _draw(f"{split}-{k + 1:02}", left_handed=k % 4 == 3, random=random)
            for k in range(count)
        )
    return cast
