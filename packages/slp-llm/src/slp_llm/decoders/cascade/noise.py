"""The errors of an expert, made on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from slp_llm.decoders.cascade.spec import Noise


def corrupted(units: Sequence[int], noise: Noise, classes: range) -> list[int]:
    """Units with errors, made one by one and independently, drawn from torch's generator.

    A unit is left out with the probability ``drop``, becomes another of ``classes`` (each as
    likely) with ``substitute``, and gets any of them beside it, before or behind, with
    ``insert``.
    """
    if not units or noise == Noise():
        return list(units)
    chances = torch.rand(len(units), 3).tolist()
    steps = torch.randint(max(1, len(classes) - 1), (len(units),)).tolist()
    extra = torch.randint(len(classes), (len(units),)).tolist()
    noisy: list[int] = []
    for unit, (chance, grows, before), step, new in zip(units, chances, steps, extra, strict=True):
        here = [] if chance < noise.drop else [unit]
        if noise.drop <= chance < noise.drop + noise.substitute:
            here = [classes[(classes.index(unit) + 1 + step) % len(classes)]]
        if grows < noise.insert:
            here.insert(0 if before < 0.5 else len(here), classes[new])
        noisy += here
    return noisy
