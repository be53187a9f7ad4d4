"""What joining SignBind's experts costs as clips get longer: gate, concatenation, cross-attention.

Forward and back through each fusion, random experts, one thread; the median of a few rounds, in
milliseconds a clip, and as a multiple of the gate's in the same round::

    python benchmarks/fusions.py [--steps 100 400 1600 6400] [--width 512] [--rounds 5]
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from slp_core.context import Context
from slp_core.parts import Fusion
from slp_core.sequence import Sequence
from slp_core.tensortype import Size, TensorType
from slp_fusion import (
    AdaptiveGate,
    AdaptiveGateConfig,
    ConcatConfig,
    ConcatFusion,
    CrossAttention,
    CrossAttentionConfig,
    GateConfig,
    RouterConfig,
)

HANDS = ["signing", "fingerspelling"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 400, 1600, 6400])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    fusions = made(options.width)
    table = Table("steps", *fusions, title="ms a clip, there and back (times the gate's)")
    for steps in options.steps:
        clip = streams(steps, options.width)
        took: dict[str, list[float]] = {name: [] for name in fusions}
        for _ in range(options.rounds + 1):  # the first one warms up
            for name, (fusion, names) in fusions.items():
                took[name].append(seconds(fusion, {one: clip[one] for one in names}))
        gate, *_ = took.values()
        table.add_row(f"{steps:,}", *(cell(one[1:], gate[1:]) for one in took.values()))
    Console().print(table)


def made(width: int) -> dict[str, tuple[Fusion, list[str]]]:
    """Each fusion in training, and the streams it reads."""
    torch.manual_seed(0)
    route = RouterConfig(on="frames", between=HANDS)
    all_names, experts = ["frames", *HANDS, "lips"], [*HANDS, "lips"]
    told = {name: TensorType("b t d", {"d": Size(width)}) for name in all_names}
    few = Context(streams={name: told[name] for name in experts})
    gate = AdaptiveGateConfig(route=route, gate=GateConfig("lips"))
    return {
        "gate": (AdaptiveGate(gate, Context(streams=told)).train(), all_names),
        "concatenation": (ConcatFusion(ConcatConfig("channel", resample=True), few), experts),
        "cross-attention": (
            CrossAttention(CrossAttentionConfig("lips", route), Context(streams=told)).train(),
            all_names,
        ),
    }


def streams(steps: int, width: int) -> dict[str, Sequence]:
    """One clip: lips at half the hands' rate."""
    rates = {"frames": 25.0, "signing": 25.0, "fingerspelling": 25.0, "lips": 12.5}
    return {
        name: Sequence(
            torch.randn(1, round(steps * rate / 25), width, requires_grad=True),
            torch.ones(1, round(steps * rate / 25), dtype=torch.bool),
            torch.tensor([rate]),
        )
        for name, rate in rates.items()
    }


def seconds(fusion: Fusion, clip: dict[str, Sequence]) -> float:
    began = time.perf_counter()
    fusion(clip).values.square().mean().backward()
    return time.perf_counter() - began


def cell(ours: list[float], gate: list[float]) -> str:
    ratio = median(one / other for one, other in zip(ours, gate, strict=True))
    return f"{1000 * median(ours):.1f} ({ratio:.2f})"


if __name__ == "__main__":
    main()
