"""What the tests of encoders with tiny checkpoints share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from slp_core.context import Context
from slp_core.sequence import Sequence
from slp_core.tensortype import TensorType
from slp_encoders.trials.checkpoints import MEAN, SIDE, STD


def reopened(part: Any, assets: Path, inputs: TensorType | None = None) -> Any:
    """An encoder as a saved pipeline opens it: from its own files, which come to lie in
    ``assets``, and its weights."""
    assets.mkdir(exist_ok=True)
    part.save_assets(assets)
    again = type(part)(part.config, Context(inputs=inputs, assets=assets)).eval()
    again.load_state_dict(part.state_dict())
    return again


def clips(*lengths: int, side: int = SIDE) -> list[Tensor]:
    return [torch.randint(256, (n, 3, side, side), dtype=torch.uint8) for n in lengths]


def normalised(frames: Tensor) -> Tensor:
    """Bytes ``... c h w`` by the checkpoints' colours."""
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, STD))
    return (frames / 255 - mean) / std


def through(layers: Iterable[Any], states: Tensor, **keys: Any) -> Tensor:
    """Layer by layer by hand."""
    for layer in layers:
        states = layer(states, **keys)
        states = states[0] if isinstance(states, tuple) else states
    return states


def rewritten(folder: Path, path: Path, change: Callable[[dict[str, Tensor]], Any]) -> Path:
    """The model with its weights changed."""
    shutil.copytree(folder, path)
    weights = load_file(path / "model.safetensors")
    change(weights)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    return path


def assert_encodes(part: Any, samples: list[Tensor], expected: list[Tensor]) -> None:
    """Each sample in a padded batch as expected, ``t d``; zeros behind its end."""
    output = part(Sequence.pad(samples, [25.0] * len(samples)))
    assert output.lengths.tolist() == [len(steps) for steps in expected]
    for values, steps in zip(output.values, expected, strict=True):
        assert torch.allclose(values[: len(steps)], steps, atol=1e-5)
        assert steps.std(-1).min() > 0.1
        assert not values[len(steps) :].any()


def assert_encodes_windows(part: Any, expected: Callable[[Tensor], Tensor]) -> None:
    """Windows of four frames, every two, cut by hand: full ones, then the last frame repeated."""
    samples = clips(7, 2, 4)
    frames = [[[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 6]], [[0, 1, 1, 1]], [[0, 1, 2, 3]]]
    windows = zip(samples, frames, strict=True)
    steps = [torch.stack([expected(clip[window]) for window in some]) for clip, some in windows]
    assert_encodes(part, samples, steps)


def assert_same_weights(ours: nn.Module, theirs: nn.Module) -> None:
    found, expected = ours.state_dict(), theirs.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
