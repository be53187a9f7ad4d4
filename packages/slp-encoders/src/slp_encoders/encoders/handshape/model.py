"""Bones, and what fingertips and thumb have between them."""

from __future__ import annotations

from itertools import combinations

import torch
from einops import rearrange

from slp_core.parts import Encoder
from slp_core.sequence import Sequence
from slp_core.signals import Processor
from slp_encoders.encoders.handshape.spec import DISTANCES, HandshapeConfig
from slp_encoders.processors.pose.hand import BEFORE, POINTS, THUMB, TIPS, WRIST
from slp_encoders.processors.pose.reader import PoseReader
from slp_encoders.processors.pose.spec import PoseConfig

_JOINTS = [joint for joint in range(5, POINTS) if joint not in TIPS]
_BONES = [(BEFORE[joint], joint) for joint in range(1, POINTS)]
_APART = [*combinations(TIPS, 2), *((joint, THUMB) for joint in _JOINTS)]
_FROM, _TO = map(list, zip(*_BONES, *_APART, strict=True))
assert len(_APART) == DISTANCES


class HandshapeEncoder(Encoder):
    """``b t (hands 21 channels)`` to ``b t (hands d)``, in each hand:

    - the wrist's path, as it is, unless ``path = false``;
    - 20 bones, the ways w to each joint from the joint before it, as ``w / sqrt(|w|^2 + soft^2)``:
      a long one keeps little but its direction, a short one its length too, and none jumps when
      joints meet;
    - 10 distances between fingertips and 12 from the fingers' joints to the tip of the thumb.

    It reads what the ``pose`` processor gives with ``normalize = "hands"``, after the points were
    augmented. With ``presence``, ways and paths of joints that are not seen are zero.
    """

    config: HandshapeConfig

    def processor(self) -> Processor:
        return PoseReader(
            PoseConfig(
                normalize="hands",
                dominant=self.config.hands == 1,
                coordinates=self.config.coordinates,
                presence=self.config.presence,
            )
        )

    def forward(self, inputs: Sequence) -> Sequence:
        config = self.config
        values = inputs.values.masked_fill(~inputs.mask[..., None], 0)  # (b, t, d)
        hands = rearrange(values, "b t (h p c) -> b t h p c", h=config.hands, p=POINTS)
        points = hands[..., : config.coordinates].clone()
        path = points[..., WRIST, :].clone()  # (b, t, h, c)
        points[..., WRIST, :] = 0
        ways = points[..., _TO, :] - points[..., _FROM, :]  # (b, t, h, 42, c)
        if config.presence:
            seen = hands[..., -1:] > 0
            path = path * seen[..., WRIST, :]
            ways = ways * (seen[..., _TO, :] & seen[..., _FROM, :])
        bones, apart = ways.split([POINTS - 1, DISTANCES], -2)
        bones = bones / (bones.square().sum(-1, keepdim=True) + config.soft**2).sqrt()
        shape = [bones.flatten(-2), torch.linalg.vector_norm(apart, dim=-1)]
        found = [path, *shape] if config.path else shape
        return inputs.with_values(torch.cat(found, -1).flatten(2))  # (b, t, (h d))
